// What benches do with tasks: a function that does nothing, submissions in bulk, and waiting for the ends.
import type { BrokerClient } from '../client/client.ts';
import type { EventStream } from '../client/events.ts';
import type { BrokerEvent } from '../protocol/client-broker/events.ts';
import type { FunctionKind } from '../protocol/client-broker/functions.ts';
import type { SubmitTask, TaskRecord } from '../protocol/client-broker/tasks.ts';
import { limits } from '../protocol/limits.ts';
import { isTerminal } from '../protocol/tasks/states.ts';

const NO_OP = 'export default () => null;\n';

const LOOK_MS = 50;
/** Looks at a queue that does not change, after which nobody takes from it. */
const STUCK = 100;
/** Submissions under way at once: enough to keep the broker busy, few enough to show its latency. */
const SUBMITTERS = 4;

/** Registers a function and gives a task of it, without arguments; unless another is given, one that does nothing. */
export async function benchTask(
  client: BrokerClient,
  endpoint: string,
  { name = 'no-op', code = NO_OP, kind = 'sync' }: { name?: string; code?: string; kind?: FunctionKind } = {},
): Promise<SubmitTask> {
  const digest = await client.uploadBundle(Buffer.from(code));
  const { function: registered } = await client.registerFunction({ name: `bench/${name}`, digest, details: { kind } });
  return { function: { id: registered.id }, endpoint, args: { type: 'application/json', text: '[]' } };
}

/** Hears of the ends of all tasks of the client's owner. A task that does not succeed fails the bench. */
export class Ends {
  /** Resolves when the stream is there: ends after that are heard. */
  readonly ready: Promise<void>;
  readonly #client: BrokerClient;
  readonly #stream: EventStream;
  readonly #each: ((task: TaskRecord) => void) | undefined;
  #count = 0;
  #waiting: { at: number; resolve: (task: TaskRecord | undefined) => void }[] = [];

  /** @param each called for each task that has ended */
  constructor(client: BrokerClient, each?: (task: TaskRecord) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#client = client;
    this.#each = each;
    let isFirst = true;
    this.#stream = client.subscribe({
      connected: complete => {
        // This process read so slowly that events are gone.
        if (!complete && !isFirst) for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
        isFirst = false;
        resolve();
      },
      event: event => this.#take(event),
    });
  }

  /** The next task to end, counted from this call. To be called before it is submitted. */
  async next(): Promise<TaskRecord> {
    const task = await this.#after(1);
    if (!task) throw new Error('The bench missed an event.');
    return task;
  }

  /**
   * Resolves when `submit` is done and `count` more tasks have ended; when events were missed, as soon as nothing is
   * queued or runs any more.
   */
  async all(count: number, submit: () => Promise<unknown>): Promise<void> {
    const ended = this.#after(count);
    await submit();
    if (!(await ended)) await this.#idle();
  }

  close(): void {
    this.#stream.close();
  }

  #after(count: number): Promise<TaskRecord | undefined> {
    return new Promise(resolve => this.#waiting.push({ at: this.#count + count, resolve }));
  }

  /** @throws Error when tasks stay queued that nobody takes: then it cannot be told */
  async #idle(): Promise<void> {
    console.error('Events were missed; waiting until nothing is queued …');
    let before = 0;
    for (let same = 0; same < STUCK; ) {
      const { items } = await this.#client.listEndpoints({ limit: 500 });
      const queued = items.reduce((sum, { status }) => sum + status.queued, 0);
      const running = items.reduce((sum, { status }) => sum + status.running, 0);
      if (queued + running === 0) return;
      same = queued === before && running === 0 ? same + 1 : 0;
      before = queued;
      await new Promise(resolve => setTimeout(resolve, LOOK_MS));
    }
    throw new Error('This machine is too busy for the bench: it missed events.');
  }

  #take(event: BrokerEvent): void {
    if (event.t !== 'task' || !isTerminal(event.task.state)) return;
    const { task } = event;
    if (task.state !== 'succeeded') throw new Error(`A task of the bench is ${task.state}: ${task.error?.message}`);
    this.#count += 1;
    this.#each?.(task);
    this.#waiting = this.#waiting.filter(({ at, resolve }) => {
      if (at > this.#count) return true;
      resolve(task);
      return false;
    });
  }
}

/** Submits `count` tasks in batches, several submissions at once; resolves when the last is acknowledged. */
export async function submitAll(
  client: BrokerClient,
  task: SubmitTask,
  count: number,
  { batch = limits.batch as number, submitters = SUBMITTERS } = {},
): Promise<void> {
  let left = count;
  const submitter = async () => {
    while (left > 0) {
      const size = Math.min(batch, left);
      left -= size;
      await client.submitForIds(new Array(size).fill(task));
    }
  };
  await Promise.all(Array.from({ length: submitters }, submitter));
}

/** Submits `count` tasks and waits for their ends. Returns how long that took, in milliseconds. */
export async function runAll(
  client: BrokerClient,
  ends: Ends,
  task: SubmitTask,
  count: number,
  how?: Parameters<typeof submitAll>[3],
): Promise<number> {
  const started = performance.now();
  await ends.all(count, () => submitAll(client, task, count, how));
  return performance.now() - started;
}
