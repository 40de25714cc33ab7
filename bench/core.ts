// No-op tasks through client → broker → agent → worker and back, everything durable as always; and beside it BullMQ on
// Redis without persistence, and the raw transport.
import { parseArgs } from 'node:util';
import type { SubmitTask } from '../protocol/client-broker/tasks.ts';
import { bullmq } from './bullmq.ts';
import { cpuOfPrograms, cpuPerTask } from './cpu.ts';
import { benchTask, Ends, runAll } from './load.ts';
import { machine, mean, quantile, round } from './machine.ts';
import { type Rig, startRig } from './rig.ts';
import { wsEcho } from './ws-echo.ts';

/**
 * Options: `--tasks N` (bulk, default 60,000), `--sequential N` (default 500), `--workers N` (default 2).
 *
 * - bulk: tasks/s from the first submission to the last terminal event at the client
 * - cpuUs: processor time of each program per bulk task, in microseconds
 * - sequential: from the call of submit to the terminal event, one task after another on a warm worker
 * - stages: means of the sequential calls, in ms. client: the submitting call less the broker's own time for it;
 *   broker: from the submission's arrival to the event at the client, less the agent's part; agent: journal, scheduling,
 *   manager and the way back; worker: the function and its loading
 * - peer: BullMQ with as many worker processes, no-op jobs, from `addBulk` to the `completed` event at the client
 */
export async function core(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      tasks: { type: 'string', default: '60000' },
      sequential: { type: 'string', default: '500' },
      workers: { type: 'string', default: '2' },
    },
  });
  const tasks = Number(values.tasks);
  const sequential = Number(values.sequential);
  const workers = Number(values.workers);

  const own = await runabout(tasks, sequential, workers);
  console.error('BullMQ …');
  const peer = await bullmq(tasks, sequential, workers).catch((error: Error) => ({ missing: error.message }));
  if ('missing' in peer) console.error(`BullMQ is left out: ${peer.missing}`);
  console.error('raw ws …');
  const ws = await wsEcho(tasks, sequential);
  const { tasksPerSecond } = own.bulk;
  const { p50Ms } = own.sequential;
  return {
    bench: 'core',
    machine: machine(),
    workers,
    ...own,
    peer,
    ws,
    ratio: {
      ...('missing' in peer
        ? {}
        : {
            bulkToBullmq: round(tasksPerSecond / peer.concurrent.tasksPerSecond),
            bulkToBullmqOnePerWorker: round(tasksPerSecond / peer.onePerWorker.tasksPerSecond),
            p50ToBullmq: round(p50Ms / peer.onePerWorker.p50Ms),
          }),
      bulkToWs: round(tasksPerSecond / ws.messagesPerSecond),
      p50ToWs: round(p50Ms / ws.p50Ms, 1),
    },
  };
}

async function runabout(tasks: number, sequential: number, workers: number) {
  const rig = await startRig(workers);
  const ends = new Ends(rig.client);
  try {
    const task = await benchTask(rig.client, rig.endpoint);
    await ends.ready;
    // Workers load the bundle, and every path is compiled.
    await runAll(rig.client, ends, task, Math.min(5000, tasks));

    console.error(`${tasks} tasks in bulk …`);
    const cpuBefore = cpuOfPrograms(rig.home);
    const bulkMs = await runAll(rig.client, ends, task, tasks);
    const cpuUs = cpuPerTask(cpuBefore, cpuOfPrograms(rig.home), tasks);
    console.error(`${sequential} tasks one after another …`);
    const { times, stages } = await oneByOne(rig, ends, task, sequential);
    return {
      bulk: { tasks, tasksPerSecond: round((tasks * 1000) / bulkMs, 0), cpuUs },
      sequential: { calls: sequential, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) },
      stages,
    };
  } finally {
    ends.close();
    await rig.stop();
  }
}

async function oneByOne({ client }: Rig, ends: Ends, task: SubmitTask, count: number) {
  const times: number[] = [];
  const stages = { client: [] as number[], broker: [] as number[], agent: [] as number[], worker: [] as number[] };
  for (let i = 0; i < count; i++) {
    let brokerTime = 0;
    const onBrokerTime = (ms: number) => {
      brokerTime = ms;
    };
    const started = performance.now();
    const end = ends.next();
    await client.submit([task], { onBrokerTime });
    const callMs = performance.now() - started;
    const { timings } = await end;
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
