// BullMQ on Redis without persistence, for comparison: the same way of a task, client → queue → worker → client, with
// worker processes of its own, and every job kept with its result, as Runabout keeps tasks. Redis holds all that in
// memory here: nothing of it would survive a crash.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ConnectionOptions, Queue, QueueEvents, Worker } from 'bullmq';
import manifest from 'bullmq/package.json' with { type: 'json' };
import { quantile, round } from './machine.ts';
import { startRedis } from './redis.ts';

const QUEUE = 'bench';
/** Jobs in one `addBulk`, and such calls under way at once: as many as the bench submits to Runabout. */
const BATCH = 1024;
const SUBMITTERS = 4;
/**
 * Jobs that one worker process runs at once: 1, as a worker of Runabout does, and several, as BullMQ's guide recommends
 * for throughput. Of 10, 50, 100, 200 and 500 none was better than this one by more than the noise.
 */
const CONCURRENCIES = [1, 100] as const;

/** `maxRetriesPerRequest: null` is what BullMQ asks of workers. */
const connectionTo = (port: number): ConnectionOptions => ({ host: '127.0.0.1', port, maxRetriesPerRequest: null });

if (process.argv[2] === 'work') {
  const [port, concurrency] = process.argv.slice(3).map(Number);
  const worker = new Worker(QUEUE, async () => null, { connection: connectionTo(port!), concurrency: concurrency! });
  await worker.waitUntilReady();
  process.send?.('ready');
  process.once('disconnect', () => process.exit(0));
}

/**
 * Bulk: jobs/s from the first `addBulk` to the last `completed` event; and the time of one job after another.
 * @throws Error when there is no Redis to start
 */
export async function bullmq(tasks: number, sequential: number, workers: number) {
  const redis = await startRedis();
  try {
    const [single, concurrent] = CONCURRENCIES;
    return {
      bullmq: manifest.version,
      redis: redis.version,
      settings: { persistence: 'none', workers, addBulk: BATCH },
      onePerWorker: await measure(redis.port, tasks, sequential, workers, single),
      concurrent: await measure(redis.port, tasks, sequential, workers, concurrent),
    };
  } finally {
    await redis.stop();
  }
}

async function measure(port: number, tasks: number, sequential: number, workers: number, concurrency: number) {
  const connection = connectionTo(port);
  // Several events a job: at the default length the stream would be cut before it is read.
  const queue = new Queue(QUEUE, { connection, streams: { events: { maxLen: 20 * Math.max(tasks, 10_000) } } });
  const events = new QueueEvents(QUEUE, { connection });
  const processes: ChildProcess[] = [];
  try {
    const completed = new Completed(events);
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
    for (let i = 0; i < workers; i++) {
      const child = fork(fileURLToPath(import.meta.url), ['work', String(port), String(concurrency)]);
      processes.push(child);
      await once(child, 'message');
    }
    await bulk(queue, completed, Math.min(2000, tasks));
    const started = performance.now();
    await bulk(queue, completed, tasks);
    const tasksPerSecond = round((tasks * 1000) / (performance.now() - started), 0);
    const times = await oneByOne(queue, completed, sequential);
    return { concurrency, tasksPerSecond, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
  } finally {
    for (const child of processes) {
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
    }
    await queue.obliterate({ force: true });
    await Promise.all([queue.close(), events.close()]);
  }
}

/** Waits for the `completed` events of jobs; one may come before `add` has told the job's id. */
class Completed {
  readonly #early = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  constructor(events: QueueEvents) {
    events.on('completed', ({ jobId }) => {
      const waiting = this.#waiting.get(jobId);
      if (!waiting) this.#early.add(jobId);
      this.#waiting.delete(jobId);
      waiting?.();
    });
  }

  of(jobId: string): Promise<void> {
    if (this.#early.delete(jobId)) return Promise.resolve();
    return new Promise(resolve => this.#waiting.set(jobId, resolve));
  }
}

async function bulk(queue: Queue, completed: Completed, count: number): Promise<void> {
  let left = count;
  const ended: Promise<void>[] = [];
  const submitter = async () => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      const jobs = await queue.addBulk(Array.from({ length: size }, () => ({ name: 'no-op', data: [] })));
      for (const { id } of jobs) ended.push(completed.of(id!));
    }
  };
  await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
  await Promise.all(ended);
}

async function oneByOne(queue: Queue, completed: Completed, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    const { id } = await queue.add('no-op', []);
    await completed.of(id!);
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b);
}
