// How long a failure is felt: one manager of two killed under load, and a broker killed with a long queue.
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endpointPaths } from '../agent/endpoint/folder.ts';
import type { TaskRecord } from '../protocol/client-broker/tasks.ts';
import { benchTask, Ends, runAll, submitAll } from './load.ts';
import { machine, quantile, round } from './machine.ts';
import { ENDPOINT, type Rig, runabout, startRig } from './rig.ts';

/**
 * Options: `--seconds N` (of load before and after the manager's end, default 5), `--task-ms N` (default 50), `--load N`
 * (share of the workers that is busy, default 0.4), `--queued N` (when the broker is killed, default 100,000),
 * `--before N` (tasks whose rate counts as full, default 10,000).
 *
 * - manager: two managers with two workers each; tasks come at even intervals; one manager is killed with SIGKILL.
 *   Latency from the call of submit to the terminal event at the client
 * - broker: killed with SIGKILL while it works off the queue, and started again at once; times from that start
 */
export async function recovery(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '5' },
      'task-ms': { type: 'string', default: '50' },
      load: { type: 'string', default: '0.4' },
      queued: { type: 'string', default: '100000' },
      before: { type: 'string', default: '10000' },
    },
  });
  return {
    bench: 'recovery',
    machine: machine(),
    manager: await killManager(Number(values.seconds), Number(values['task-ms']), Number(values.load)),
    broker: await killBroker(Number(values.queued), Number(values.before)),
  };
}

const WORKERS = 2;
const BLOCKS = 2;

async function killManager(seconds: number, taskMs: number, load: number) {
  const rig = await startRig(WORKERS);
  const latencies: { submittedAt: number; ms: number; attempt: number }[] = [];
  const submitted = new Map<string, number>();
  const early = new Map<string, TaskRecord>();
  const took = (task: TaskRecord, at: number) =>
    latencies.push({ submittedAt: at, ms: performance.now() - at, attempt: task.attempt });
  const ends = new Ends(rig.client, task => {
    const at = submitted.get(task.id);
    if (at === undefined) early.set(task.id, task);
    else took(task, at);
  });
  try {
    appendFileSync(endpointPaths({ home: rig.home, name: ENDPOINT }).config, `BLOCKS=${BLOCKS}\n`);
    await rig.command('endpoint', 'restart', ENDPOINT);
    const code = `export default () => new Promise(done => setTimeout(() => done(null), ${taskMs}));\n`;
    const task = await benchTask(rig.client, rig.endpoint, { name: 'sleep', code, kind: 'async' });
    await ends.ready;
    await runAll(rig.client, ends, task, 4 * WORKERS * BLOCKS);

    console.error('two managers under load …');
    const everyMs = taskMs / (WORKERS * BLOCKS * load);
    const count = Math.ceil((2 * seconds * 1000) / everyMs);
    const begun = performance.now();
    let killedAt = 0;
    await ends.all(count, async () => {
      for (let i = 0; i < count; i++) {
        const at = begun + i * everyMs;
        await new Promise(resolve => setTimeout(resolve, Math.max(0, at - performance.now())));
        if (!killedAt && at - begun >= seconds * 1000) {
          process.kill(managerPids(rig)[0]!, 'SIGKILL');
          killedAt = performance.now();
          console.error('one manager killed …');
        }
        // Not awaited: a slow answer must not hold the next task up.
        void rig.client.submit([task]).then(([record]) => {
          const ended = early.get(record!.id);
          if (ended) took(ended, at);
          else submitted.set(record!.id, at);
        });
      }
    });
    const timesOf = (which: (each: (typeof latencies)[number]) => boolean) =>
      latencies
        .filter(which)
        .map(({ ms }) => ms)
        .sort((a, b) => a - b);
    const before = timesOf(({ submittedAt, ms }) => submittedAt >= begun && submittedAt + ms < killedAt);
    const after = timesOf(({ submittedAt, ms }) => submittedAt + ms >= killedAt);
    const rerun = timesOf(({ attempt }) => attempt > 1);
    return {
      managers: BLOCKS,
      workers: WORKERS * BLOCKS,
      tasksPerSecond: round(1000 / everyMs, 1),
      before: { tasks: before.length, p50Ms: quantile(before, 0.5), worstMs: quantile(before, 1) },
      after: { tasks: after.length, p50Ms: quantile(after, 0.5), worstMs: quantile(after, 1) },
      runAgain: rerun.length,
      ratio: {
        worstToWorst: round(quantile(after, 1) / quantile(before, 1)),
        worstToP50: round(quantile(after, 1) / quantile(before, 0.5)),
      },
    };
  } finally {
    ends.close();
    await rig.stop();
  }
}

function managerPids({ home }: Rig): number[] {
  const blocks = JSON.parse(readFileSync(endpointPaths({ home, name: ENDPOINT }).blocks, 'utf8'));
  return blocks.map(({ handle }: { handle: string }) => Number(handle.split(':')[0]));
}

/** A rate is looked at over this many milliseconds. */
const WINDOW_MS = 250;
/** What counts as full, as a share of the rate before. */
const FULL = 0.9;

async function killBroker(queued: number, before: number) {
  const rig = await startRig(WORKERS);
  /** When each task ended, by the broker's clock, which is this machine's. */
  let endedAt: number[] = [];
  const listen = () => new Ends(rig.client, ({ endedAt: at }) => endedAt.push(at!));
  let ends = listen();
  try {
    const task = await benchTask(rig.client, rig.endpoint);
    await ends.ready;
    await runAll(rig.client, ends, task, Math.min(2000, queued));
    await rig.command('endpoint', 'stop', ENDPOINT);
    console.error(`queueing ${queued} tasks …`);
    // Nothing has ended yet, and what is told of so many submissions would only take the time of both cores.
    ends.close();
    await submitAll(rig.client, task, queued + before);
    ends = listen();
    await ends.ready;
    endedAt = [];
    let startedAt = 0;
    let readyAt = 0;
    await ends.all(queued + before, async () => {
      await ends.all(before, () => rig.command('endpoint', 'start', ENDPOINT));
      console.error('the broker is killed …');
      const { port } = new URL(rig.client.connection.url);
      process.kill(rig.brokerPid, 'SIGKILL');
      startedAt = Date.now();
      await startBrokerAgain(rig, port);
      readyAt = Date.now();
    });
    endedAt.sort((a, b) => a - b);
    const earlier = endedAt.filter(at => at < startedAt);
    const later = endedAt.filter(at => at >= startedAt);
    const rate = (earlier.length - earlier.length / 2) / (earlier.at(-1)! - earlier[Math.floor(earlier.length / 2)]!);
    const firstFull = later.find((at, i) => {
      const last = later[i + Math.ceil(rate * FULL * WINDOW_MS) - 1];
      return last !== undefined && last - at <= WINDOW_MS;
    });
    return {
      queued,
      tasksPerSecondBefore: round(rate * 1000, 0),
      listensMs: readyAt - startedAt,
      firstEndMs: later[0]! - startedAt,
      fullRateMs: firstFull === undefined ? null : firstFull - startedAt,
      ratio: {
        fullRateToListens: firstFull === undefined ? null : round((firstFull - startedAt) / (readyAt - startedAt)),
      },
    };
  } finally {
    ends.close();
    await rig.stop();
  }
}

/** As a supervisor of services would: the same folder, the same port. Resolves when it listens. */
async function startBrokerAgain({ home }: Rig, port: string): Promise<void> {
  const args = ['broker', 'start', '--data', join(home, 'broker'), '--port', port, '--announce'];
  const child = spawn(process.execPath, [runabout, ...args], {
    env: { ...process.env, RUNABOUT_HOME: home },
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', code => reject(new Error(`The broker did not start again: it ended with code ${code}.`)));
  });
  child.unref();
  child.stdout.destroy();
}
