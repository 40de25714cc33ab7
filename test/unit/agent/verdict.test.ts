import { expect, test } from 'vitest';
import { judge, type Stopped, type WorkerEnd } from '../../../agent/manager/verdict.ts';

const end = (more: Partial<WorkerEnd>): WorkerEnd => ({
  code: null,
  signal: null,
  lastWords: '',
  kernelOutOfMemory: false,
  ...more,
});

const heap = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';

const cases: [name: string, WorkerEnd, Stopped | undefined, object][] = [
  ['exit', end({ code: 3 }), undefined, { error: { code: 'function-exited' } }],
  ['heap', end({ signal: 'SIGABRT', lastWords: heap }), undefined, { error: { code: 'function-out-of-memory' } }],
  ['abort', end({ signal: 'SIGABRT' }), undefined, { error: { code: 'function-crashed' } }],
  ['segfault', end({ signal: 'SIGSEGV' }), undefined, { error: { code: 'function-crashed' } }],
  [
    'kernel',
    end({ signal: 'SIGKILL', kernelOutOfMemory: true }),
    undefined,
    { error: { code: 'function-out-of-memory' } },
  ],
  ['kill from outside', end({ signal: 'SIGKILL' }), undefined, { workerDied: true }],
  ['SIGTERM from outside', end({ signal: 'SIGTERM' }), undefined, { workerDied: true }],
  [
    'cancel',
    end({ signal: 'SIGTERM' }),
    { why: 'cancel', reason: 'x' },
    { outcome: 'cancelled', error: { message: 'x' } },
  ],
  ['cancel that ends by exit', end({ code: 0 }), { why: 'cancel', reason: 'x' }, { outcome: 'cancelled' }],
  [
    'timeout',
    end({ signal: 'SIGKILL' }),
    { why: 'timeout', ms: 5 },
    { outcome: 'failed', error: { code: 'function-timeout' } },
  ],
  ['shutdown', end({ signal: 'SIGTERM' }), { why: 'shutdown' }, { workerDied: false }],
];

test.for(cases)('%s', ([, worker, stopped, expected]) => {
  const verdict = judge(worker, stopped);
  const { error, ...rest } = expected as { error?: object };
  expect(verdict).toMatchObject(rest);
  if (error) expect(verdict).toMatchObject({ error });
});
