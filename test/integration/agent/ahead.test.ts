// Short tasks are sent ahead to busy workers. Whatever becomes of a worker then, each of them runs once.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleOf } from '../../support/bundle.ts';
import { folder } from '../../support/folder.ts';
import { ManagerBench } from './support/bench.ts';

/** Writes its number into a ledger and returns it; what it does besides, its second argument says. */
const SOURCE = `
import { appendFileSync } from 'node:fs';
export default (ledger: string, n: number, what: string) => {
  appendFileSync(ledger, n + '\\n');
  if (what === 'exit') process.exit(3);
  if (what === 'kill') process.kill(process.pid, 'SIGKILL');
  if (what === 'spin') for (;;);
  console.log('task', n);
  return n;
};`;

/** A worker that knows the function to be short. */
async function warm(bench: ManagerBench, ledger: string) {
  const bundle = await bundleOf(SOURCE);
  for (let i = 0; i < 60; i++) await bench.run(bundle, [ledger, -1, ''], 'sync').ended;
  return bundle;
}

const started = (ledger: string) =>
  readFileSync(ledger, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(Number)
    .filter(n => n >= 0);

function newLedger(): string {
  const ledger = join(folder('ledger'), 'ledger');
  appendFileSync(ledger, '');
  return ledger;
}

test.each([
  ['exit', { outcome: 'failed', code: 'function-exited' }],
  ['kill', { lost: true }],
])('a task that ends its worker (%s) takes none of those behind it along', async (what, expected) => {
  const bench = await ManagerBench.start(1);
  const ledger = newLedger();
  const bundle = await warm(bench, ledger);
  const numbers = Array.from({ length: 40 }, (_, n) => n);
  const runs = numbers.map(n => bench.run(bundle, [ledger, n, n === 7 ? what : ''], 'sync'));
  const ends = await Promise.all(runs.map(({ ended }) => ended));

  const { result, lost } = ends[7]!;
  if ('lost' in expected) expect(lost).toMatchObject({ workerDied: true });
  else expect(result).toMatchObject({ outcome: expected.outcome, error: { code: expected.code } });
  for (const n of numbers) {
    if (n === 7) continue;
    expect(ends[n]).toMatchObject({ value: n, stdout: `task ${n}\n`, stderr: '' });
  }
  expect(started(ledger)).toEqual(numbers);
});

test('cancelling the task that runs leaves those behind it, and one behind it can be cancelled', async () => {
  const bench = await ManagerBench.start(1);
  const ledger = newLedger();
  const bundle = await warm(bench, ledger);
  const [spins, ...behind] = ['spin', '', '', ''].map((what, n) => bench.run(bundle, [ledger, n, what], 'sync'));
  behind[1]!.cancel();
  spins!.cancel();
  const ends = await Promise.all([spins!, ...behind].map(({ ended }) => ended));
  expect(ends[0]!.result).toMatchObject({ outcome: 'cancelled' });
  expect(ends[1]).toMatchObject({ value: 1 });
  expect(ends[3]).toMatchObject({ value: 3 });
  // It was cancelled before the worker came to it.
  expect(ends[2]!.result).toMatchObject({ outcome: 'cancelled' });
  expect(started(ledger).filter(n => n === 1 || n === 3)).toEqual([1, 3]);
});

test('the time limit of a task counts from its own start', async () => {
  const bench = await ManagerBench.start(1);
  const ledger = newLedger();
  const bundle = await warm(bench, ledger);
  const first = bench.run(bundle, [ledger, 0, 'spin'], 'sync', 600);
  const second = bench.run(bundle, [ledger, 1, ''], 'sync', 300);
  expect((await first.ended).result).toMatchObject({ error: { code: 'function-timeout' } });
  expect(await second.ended).toMatchObject({ value: 1 });
});
