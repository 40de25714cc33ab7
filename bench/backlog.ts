// Whether a long queue makes the broker slower: what it does with nothing queued, and then with very much.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CreatedEndpoint } from '../protocol/client-broker/endpoints.ts';
import type { SubmitTask } from '../protocol/client-broker/tasks.ts';
import { BareAgent } from './bare-agent.ts';
import { benchTask, Ends, submitAll } from './load.ts';
import { machine, quantile, round } from './machine.ts';
import { cpuUs, residentMiB } from './process.ts';
import { type Rig, startRig } from './rig.ts';

interface Sizes {
  /** Tasks of one measurement. */
  tasks: number;
  /** Sequential calls of one measurement. */
  calls: number;
  /** Measurements, of which the median counts. */
  rounds: number;
  /** Tasks that are queued in all. */
  queued: number;
  /** Endpoints that they are spread over in the second part. */
  endpoints: number;
}

/**
 * Options: `--queued N` (default 1,000,000), `--endpoints N` (default 10,000), `--tasks N` (of each rate, default
 * 20,000), `--calls N` (of the latency, default 300), `--rounds N` (of measurements, of which the median counts, default 5).
 *
 * Twice, each on a new broker: measured with nothing queued; then everything is queued, on one endpoint the first time
 * and on many the second; then measured again. A measurement:
 * - submit: tasks/s to the one endpoint, whose agent is away
 * - claim: tasks/s until an agent that comes has as many of them; it does not run them
 * - complete: tasks/s until the broker has confirmed a result for each
 * - event: from the call of submit to the terminal event at the client, one task after another on another endpoint, whose
 *   agent answers at once
 * Beside each rate stands the processor time of the broker per task, all its threads: other work on the machine changes
 * that less.
 */
export async function backlog(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      queued: { type: 'string', default: '1000000' },
      endpoints: { type: 'string', default: '10000' },
      tasks: { type: 'string', default: '20000' },
      calls: { type: 'string', default: '300' },
      rounds: { type: 'string', default: '5' },
    },
  });
  const sizes: Sizes = {
    queued: Number(values.queued),
    endpoints: Number(values.endpoints),
    tasks: Number(values.tasks),
    calls: Number(values.calls),
    rounds: Number(values.rounds),
  };
  return {
    bench: 'backlog',
    machine: machine(),
    ...sizes,
    oneEndpoint: await scenario(sizes, ({ client }, task) => submitAll(client, task, sizes.queued)),
    manyEndpoints: await scenario(sizes, (rig, task) => spread(rig, task, sizes)),
  };
}

async function scenario(sizes: Sizes, fill: (rig: Rig, task: SubmitTask) => Promise<void>) {
  const rig = await startRig(1);
  const { client } = rig;
  try {
    const queue = await client.createEndpoint('queue');
    const probe = await client.createEndpoint('probe');
    const task = await benchTask(client, queue.endpoint.id);
    const server = await BareAgent.connect(client.connection.url, probe.token);
    server.serve();
    const measureNow = async (rounds = sizes.rounds) => {
      // Nobody listens while the queue is filled: that would be another load.
      const ends = new Ends(client);
      await ends.ready;
      try {
        const all = [];
        for (let i = 0; i < rounds; i++) all.push(await measure(rig, ends, task, queue, probe, sizes));
        return median(all);
      } finally {
        ends.close();
      }
    };
    console.error('with nothing queued …');
    // The first time every path is compiled.
    await measureNow(1);
    const empty = await measureNow();
    console.error(`queueing ${sizes.queued} tasks …`);
    const started = performance.now();
    await fill(rig, task);
    const fillPerSecond = round((sizes.queued * 1000) / (performance.now() - started), 0);
    console.error('with all that queued …');
    const full = await measureNow();
    await server.close();
    return {
      empty,
      fillPerSecond,
      full,
      ratio: {
        submit: compare(full.submit, empty.submit),
        claim: compare(full.claim, empty.claim),
        complete: compare(full.complete, empty.complete),
        eventP50: round(full.eventP50Ms / empty.eventP50Ms),
      },
      bytesPerQueuedTask: round(((full.storeMiB - empty.storeMiB) * 2 ** 20) / sizes.queued, 0),
    };
  } finally {
    await rig.stop();
  }
}

interface Rate {
  perSecond: number;
  brokerCpuUs: number;
}

/** The median of each figure. Memory and files are those of the last measurement. */
function median(all: Awaited<ReturnType<typeof measure>>[]) {
  const middle = (of: (each: (typeof all)[number]) => number) =>
    quantile(
      all.map(of).sort((a, b) => a - b),
      0.5,
    );
  const rate = (of: (each: (typeof all)[number]) => Rate): Rate => ({
    perSecond: middle(each => of(each).perSecond),
    brokerCpuUs: middle(each => of(each).brokerCpuUs),
  });
  const { brokerMiB, storeMiB } = all.at(-1)!;
  return {
    submit: rate(each => each.submit),
    claim: rate(each => each.claim),
    complete: rate(each => each.complete),
    eventP50Ms: middle(each => each.eventP50Ms),
    eventP99Ms: middle(each => each.eventP99Ms),
    brokerMiB,
    storeMiB,
  };
}

const compare = (full: Rate, empty: Rate) => ({
  perSecond: round(full.perSecond / empty.perSecond),
  brokerCpu: round(full.brokerCpuUs / empty.brokerCpuUs),
});

async function measure(
  rig: Rig,
  ends: Ends,
  task: SubmitTask,
  queue: CreatedEndpoint,
  probe: CreatedEndpoint,
  { tasks, calls }: Sizes,
) {
  const { client } = rig;
  const timed = async <T>(body: () => Promise<T>) => {
    const cpu = cpuUs(rig.brokerPid) ?? Number.NaN;
    const started = performance.now();
    const value = await body();
    const perSecond = round((tasks * 1000) / (performance.now() - started), 0);
    return { value, rate: { perSecond, brokerCpuUs: round(((cpuUs(rig.brokerPid) ?? Number.NaN) - cpu) / tasks, 1) } };
  };
  const { rate: submit } = await timed(() => submitAll(client, task, tasks));
  const agent = await BareAgent.connect(client.connection.url, queue.token);
  const { rate: claim, value: claimed } = await timed(() => agent.claim(tasks));
  let complete: Rate | undefined;
  await ends.all(tasks, async () => {
    complete = (await timed(() => agent.complete(claimed))).rate;
  });
  await agent.close();

  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const end = ends.next();
    const started = performance.now();
    await client.submit([{ ...task, endpoint: probe.endpoint.id }]);
    await end;
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  return {
    submit,
    claim,
    complete: complete!,
    eventP50Ms: quantile(times, 0.5),
    eventP99Ms: quantile(times, 0.99),
    brokerMiB: residentMiB(rig.brokerPid),
    storeMiB: storeMiB(rig),
  };
}

/** The same number of tasks on each of many endpoints, an endpoint's in one submission. */
async function spread({ client }: Rig, task: SubmitTask, { queued, endpoints }: Sizes): Promise<void> {
  const each = Math.ceil(queued / endpoints);
  let next = 0;
  const submitter = async () => {
    while (next < endpoints) {
      const { endpoint } = await client.createEndpoint(`queue-${next++}`);
      await submitAll(client, { ...task, endpoint: endpoint.id }, each, { submitters: 1 });
    }
  };
  await Promise.all(Array.from({ length: 4 }, submitter));
}

/** Size of the broker's database with its log. */
function storeMiB({ home }: Rig): number {
  const folder = join(home, 'broker');
  const files = readdirSync(folder).filter(name => name.startsWith('broker.sqlite'));
  return round(files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) / 2 ** 20, 0);
}
