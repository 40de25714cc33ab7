// No-op tasks through client → broker → agent → worker and back, everything durable as always.
import { parseArgs } from 'node:util';
import type { BrokerEvent } from '../protocol/client-broker/events.ts';
import type { SubmitTask, TaskRecord } from '../protocol/client-broker/tasks.ts';
import { isTerminal } from '../protocol/tasks/states.ts';
import { machine, mean, quantile, round } from './machine.ts';
import { type Rig, startRig } from './rig.ts';
import { wsEcho } from './ws-echo.ts';

const NO_OP = 'export default () => null;\n';
const BATCH = 1024;
/** Submissions under way at once: enough to keep the broker busy, few enough to show its latency. */
const SUBMITTERS = 4;

/**
 * Options: `--tasks N` (bulk, default 20,000), `--sequential N` (default 500), `--workers N` (default 2).
 *
 * - bulk: tasks/s from the first submission to the last terminal event at the client
 * - sequential: from the call of submit to the terminal event, one task after another on a warm worker
 * - stages: means of the sequential calls, in ms. client: the submitting call less the broker's own time for it;
 *   broker: from the submission's arrival to the event at the client, less the agent's part; agent: journal, scheduling,
 *   manager and the way back; worker: the function and its loading
 */
export async function core(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      tasks: { type: 'string', default: '20000' },
      sequential: { type: 'string', default: '500' },
      workers: { type: 'string', default: '2' },
    },
  });
  const tasks = Number(values.tasks);
  const sequential = Number(values.sequential);
  const workers = Number(values.workers);

  const rig = await startRig(workers);
  const results = new Results(rig);
  try {
    const digest = await rig.client.uploadBundle(Buffer.from(NO_OP));
    const { function: registered } = await rig.client.registerFunction({
      name: 'bench/no-op',
      digest,
      details: { kind: 'sync' },
    });
    const task: SubmitTask = {
      function: { id: registered.id },
      endpoint: rig.endpoint,
      args: { type: 'application/json', text: '[]' },
    };
    await results.ready;
    // Workers load the bundle, and every path is compiled.
    await submitAndWait(rig, results, task, Math.min(2000, tasks));

    console.error(`${tasks} tasks in bulk …`);
    const started = performance.now();
    await submitAndWait(rig, results, task, tasks);
    const bulkMs = performance.now() - started;

    console.error(`${sequential} tasks one after another …`);
    const { times, stages } = await oneByOne(rig, results, task, sequential);
    console.error('raw ws …');
    const ws = await wsEcho(tasks, sequential);
    const tasksPerSecond = round((tasks * 1000) / bulkMs, 0);
    const p50Ms = quantile(times, 0.5);
    return {
      bench: 'core',
      machine: machine(),
      workers,
      bulk: { tasks, tasksPerSecond },
      sequential: { calls: sequential, p50Ms, p99Ms: quantile(times, 0.99) },
      stages,
      ws,
      ratio: { bulkToWs: round(tasksPerSecond / ws.messagesPerSecond), p50ToWs: round(p50Ms / ws.p50Ms, 1) },
    };
  } finally {
    results.close();
    await rig.stop();
  }
}

/** Waits for the terminal events of tasks. */
class Results {
  readonly ready: Promise<void>;
  readonly #stream;
  readonly #ended = new Map<string, TaskRecord>();
  readonly #waiting = new Map<string, (task: TaskRecord) => void>();

  constructor({ client }: Rig) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#stream = client.subscribe({ connected: () => resolve(), event: event => this.#take(event) });
  }

  of(id: string): Promise<TaskRecord> {
    const ended = this.#ended.get(id);
    if (ended) {
      this.#ended.delete(id);
      return Promise.resolve(ended);
    }
    return new Promise(resolve => this.#waiting.set(id, resolve));
  }

  close(): void {
    this.#stream.close();
  }

  #take(event: BrokerEvent): void {
    if (event.t !== 'task' || !isTerminal(event.task.state)) return;
    if (event.task.state !== 'succeeded')
      throw new Error(`A no-op is ${event.task.state}: ${event.task.error?.message}`);
    const waiting = this.#waiting.get(event.task.id);
    if (!waiting) {
      this.#ended.set(event.task.id, event.task);
      return;
    }
    this.#waiting.delete(event.task.id);
    waiting(event.task);
  }
}

async function submitAndWait({ client }: Rig, results: Results, task: SubmitTask, count: number): Promise<void> {
  let left = count;
  const ended: Promise<TaskRecord>[] = [];
  const submitter = async () => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      for (const { id } of await client.submit(new Array(size).fill(task))) ended.push(results.of(id));
    }
  };
  await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
  await Promise.all(ended);
}

async function oneByOne({ client }: Rig, results: Results, task: SubmitTask, count: number) {
  const times: number[] = [];
  const stages = { client: [] as number[], broker: [] as number[], agent: [] as number[], worker: [] as number[] };
  for (let i = 0; i < count; i++) {
    let brokerTime = 0;
    const onBrokerTime = (ms: number) => {
      brokerTime = ms;
    };
    const started = performance.now();
    const [submitted] = await client.submit([task], { onBrokerTime });
    const callMs = performance.now() - started;
    const { timings } = await results.of(submitted!.id);
    const total = performance.now() - started;
    times.push(total);
    if (!timings) throw new Error('A task that ran has no timings.');
    const clientMs = callMs - brokerTime;
    const workerMs = timings.loadMs + timings.runMs;
    stages.client.push(clientMs);
    stages.broker.push(total - clientMs - timings.agentMs);
    stages.agent.push(timings.agentMs - workerMs);
    stages.worker.push(workerMs);
  }
  times.sort((a, b) => a - b);
  return {
    times,
    stages: {
      clientMs: round(mean(stages.client)),
      brokerMs: round(mean(stages.broker)),
      agentMs: round(mean(stages.agent)),
      workerMs: round(mean(stages.worker)),
    },
  };
}
