import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { Job, type JobEnd } from '../../../agent/manager/job.ts';
import { Seat } from '../../../agent/manager/seat.ts';
import { WorkerKeeper } from '../../../agent/manager/worker-keeper.ts';
import type { WorkerHandlers, WorkerProcess } from '../../../agent/manager/worker-process.ts';
import { newId } from '../../../protocol/ids.ts';
import type { WorkerCommand } from '../../../protocol/manager-worker/messages.ts';

/** Workers that do what a test says in their place. */
function scripted() {
  const kill = vi.fn();
  const workers: WorkerHandlers[] = [];
  /** What each worker was sent. */
  const sent: WorkerCommand[][] = [];
  const context = {
    start: (handlers: WorkerHandlers) => {
      workers.push(handlers);
      const commands: WorkerCommand[] = [];
      sent.push(commands);
      const send = (command: WorkerCommand) => void commands.push(command);
      return { broken: false, group: 1, send, kill, dismiss: () => {} } as unknown as WorkerProcess;
    },
    mapFile: async (): Promise<string | undefined> => undefined,
    changed: vi.fn(),
    freed: () => {},
    returned: () => {},
  };
  return { context, workers, sent, kill };
}

const nothing = new Uint8Array();

/** A short job, in the seat already. */
function runIn(seat: Seat, ended: (job: Job, end: JobEnd) => void = () => {}): Job {
  const [digest, mapDigest] = ['a'.repeat(64), 'b'.repeat(64)];
  const run = { t: 'run', task: newId(), attempt: 1, digest, mapDigest, name: 'f', kind: 'sync' } as const;
  const job = new Job({ ...run, type: 'application/json' }, nothing, 1024, { output: () => {}, ended });
  job.expectedMs = 0.1;
  seat.run(job);
  return job;
}

const killed = { code: null, signal: 'SIGTERM', lastWords: '', kernelOutOfMemory: false } as const;

test('a task that was sent ahead is stopped when its seat was closed just before the worker came to it', async () => {
  const { context, workers, kill } = scripted();
  const seat = new Seat(context);
  const [worker] = workers as [WorkerHandlers];
  worker.report({ t: 'ready' }, nothing);
  const ends = new Map<Job, JobEnd>();
  const [first, second] = [0, 1].map(() => runIn(seat, (job, end) => ends.set(job, end))) as [Job, Job];

  const header = { t: 'result', task: first.run.task, loadMs: 0, runMs: 0 } as const;
  worker.report({ ...header, outcome: 'succeeded', type: 'application/json' }, Buffer.from('1'));
  const closed = seat.close();
  expect(kill).not.toHaveBeenCalled();
  await setImmediate();
  expect(ends.get(first)).toMatchObject({ outcome: 'succeeded' });
  expect(kill).toHaveBeenCalledOnce();

  worker.ended(killed);
  await closed;
  expect(ends.get(second)).toMatchObject({ workerDied: false });
  expect(workers).toHaveLength(1);
});

test('a worker gets its source map though the one before it was ended while it waited for the same', async () => {
  const { context, workers, sent } = scripted();
  const fetches: ((file: string) => void)[] = [];
  context.mapFile = () => new Promise(resolve => fetches.push(resolve));
  const seat = new Seat(context);
  for (const at of [0, 1]) {
    workers[at]!.report({ t: 'ready' }, nothing);
    const { run } = runIn(seat);
    workers[at]!.report({ t: 'need-map', task: run.task, digest: run.mapDigest! }, nothing);
    if (at === 0) workers[0]!.ended(killed);
  }
  for (const arrive of fetches) arrive('map.json');
  await setImmediate();
  expect(sent.map(commands => commands.some(({ t }) => t === 'map'))).toEqual([false, true]);
});

test('a worker whose start throws is started again after a pause', async () => {
  vi.useFakeTimers();
  try {
    const { context, workers } = scripted();
    let isFull = false;
    const start = (handlers: WorkerHandlers) => {
      if (isFull) throw new Error('ENOSPC: no space left on device');
      return context.start(handlers);
    };
    const handlers = { started: () => {}, report: () => {}, raw: () => {}, ended: () => {} };
    const keeper = new WorkerKeeper({ ...context, start }, handlers);
    workers[0]!.report({ t: 'ready' }, nothing);
    isFull = true;
    workers[0]!.ended(killed);
    expect(keeper.problem).toBe('A worker could not be started: ENOSPC: no space left on device');
    expect({ starting: keeper.starting, ready: keeper.ready }).toEqual({ starting: true, ready: false });
    expect(keeper.group).toBeUndefined();

    // The pauses grow: 250 ms, then 500.
    vi.advanceTimersByTime(250);
    isFull = false;
    vi.advanceTimersByTime(499);
    expect(workers).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(workers).toHaveLength(2);
    workers[1]!.report({ t: 'ready' }, nothing);
    expect({ problem: keeper.problem, ready: keeper.ready }).toEqual({ problem: undefined, ready: true });

    // Already the first one: nothing is thrown, and closing it ends it.
    isFull = true;
    const never = new WorkerKeeper({ ...context, start }, handlers);
    expect(never.problem).toContain('ENOSPC');
    await never.close();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
