// Very many workers under one agent: how many tasks run at once, how fast tasks go through, and what each costs in
// memory. A worker here is a place for a task that waits; some processes hold many such places each (TASKS_PER_WORKER).
// Broker, agent, manager and those processes are the real ones.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endpointPaths } from '../agent/endpoint/folder.ts';
import { cpuOfPrograms, cpuPerTask } from './cpu.ts';
import { benchTask, Ends, runAll, submitAll } from './load.ts';
import { machine, round } from './machine.ts';
import { childrenOf, residentMiB } from './process.ts';
import { ENDPOINT, type Rig, startRig } from './rig.ts';
import { wsEcho } from './ws-echo.ts';

/** Waits for a file named `open`; all tasks of a process with one timer, which also tells how many they are. */
const WAIT = `import { existsSync, writeFileSync } from 'node:fs';
let waiting = 0;
let opened;
const open = folder => opened ??= new Promise(resolve => {
  const timer = setInterval(() => {
    writeFileSync(folder + '/' + process.pid, String(waiting));
    if (!existsSync(folder + '/open')) return;
    clearInterval(timer);
    resolve();
  }, 50);
});
export default async folder => {
  waiting += 1;
  await open(folder);
  return null;
};
`;
const NO_OP = 'export default async () => null;\n';

/**
 * Options: `--workers N,N,…` (default 256,2048,16384,131072), `--processes N` (that hold them, default 4), `--tasks N`
 * (no-ops at the largest size, default 1,310,720), `--fewest N` (no-ops at any size, default 20,000).
 *
 * For each number of workers, on a new broker:
 * - noOps: tasks/s of no-op tasks, ten for each worker, from the first submission to the last event at the client; and
 *   the processor time of each program per task, in microseconds, which other work on the machine changes less
 * - running: as many tasks as there are workers, which all wait. `atOnce` is how many the functions themselves counted
 *   before they were let go; those and as many no-ops that were queued behind them are what `endedPerSecond` counts
 * - memory: of each process before and while they run, and in bytes per running task; and of the broker per task that is
 *   queued beside them
 */
export async function scale(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      workers: { type: 'string', default: '256,2048,16384,131072' },
      processes: { type: 'string', default: '4' },
      tasks: { type: 'string', default: '1310720' },
      fewest: { type: 'string', default: '20000' },
    },
  });
  const numbers = values.workers.split(',').map(Number);
  const sizes = [];
  for (const workers of numbers) {
    const count = Math.min(Number(values.tasks), Math.max(10 * workers, Number(values.fewest)));
    sizes.push(await measure(workers, Number(values.processes), count));
  }
  console.error('raw ws …');
  const ws = await wsEcho(20_000, 1);
  const [first] = sizes;
  return {
    bench: 'scale',
    machine: machine(),
    processes: Number(values.processes),
    sizes: sizes.map(size => ({
      ...size,
      ratio: {
        noOpsToFirst: round(size.noOps.tasksPerSecond / first!.noOps.tasksPerSecond),
        cpuToFirst: round(size.noOps.cpuUs.all / first!.noOps.cpuUs.all),
        noOpsToWs: round(size.noOps.tasksPerSecond / ws.messagesPerSecond),
      },
    })),
    ws,
  };
}

async function measure(workers: number, processes: number, noOps: number) {
  const each = Math.ceil(workers / processes);
  const rig = await startRig(processes);
  const ends = new Ends(rig.client);
  try {
    appendFileSync(endpointPaths({ home: rig.home, name: ENDPOINT }).config, `TASKS_PER_WORKER=${each}\n`);
    await rig.command('endpoint', 'restart', ENDPOINT);
    const task = await benchTask(rig.client, rig.endpoint, { code: NO_OP, kind: 'async' });
    await ends.ready;
    await runAll(rig.client, ends, task, Math.min(2000, noOps));
    const idle = memory(rig);

    console.error(`${workers} tasks at once …`);
    const gate = join(rig.home, 'gate');
    mkdirSync(gate);
    const waiting = {
      ...(await benchTask(rig.client, rig.endpoint, { name: 'wait', code: WAIT, kind: 'async' })),
      args: { type: 'application/json' as const, text: JSON.stringify([gate]) },
    };
    const at = { started: performance.now(), running: 0, open: 0 };
    let [atOnce, running, behind] = [0, idle, idle];
    await ends.all(2 * each * processes, async () => {
      await submitAll(rig.client, waiting, each * processes);
      atOnce = await allWaiting(gate, each * processes);
      at.running = performance.now();
      running = memory(rig);
      // What comes now is queued at the broker, but for what the agent prefetches.
      await submitAll(rig.client, task, each * processes);
      behind = memory(rig);
      at.open = performance.now();
      writeFileSync(join(gate, 'open'), '');
    });
    const ended = performance.now();

    console.error(`${workers} workers: ${noOps} no-op tasks …`);
    const cpuBefore = cpuOfPrograms(rig.home);
    const ms = await runAll(rig.client, ends, task, noOps);
    const cpuUs = cpuPerTask(cpuBefore, cpuOfPrograms(rig.home), noOps);
    const perTask = (mib: number) => round((mib * 2 ** 20) / workers, 0);
    return {
      workers: each * processes,
      noOps: { tasks: noOps, tasksPerSecond: round((noOps * 1000) / ms, 0), cpuUs },
      running: {
        atOnce,
        startedPerSecond: round((workers * 1000) / (at.running - at.started), 0),
        endedPerSecond: round((2 * workers * 1000) / (ended - at.open), 0),
      },
      memoryMiB: { idle, running, queuedBehind: behind, afterNoOps: memory(rig) },
      bytesPerRunningTask: {
        broker: perTask(running.broker - idle.broker),
        agent: perTask(running.agent - idle.agent),
        manager: perTask(running.manager - idle.manager),
        workers: perTask(running.workers - idle.workers),
      },
      bytesPerQueuedTask: {
        broker: perTask(behind.broker - running.broker),
        agent: perTask(behind.agent - running.agent),
      },
    };
  } finally {
    ends.close();
    await rig.stop();
  }
}

function memory({ home, brokerPid, agentPid }: Rig) {
  const blocks = JSON.parse(readFileSync(endpointPaths({ home, name: ENDPOINT }).blocks, 'utf8'));
  const manager = Number(blocks[0].handle.split(':')[0]);
  const of = (pid: number) => residentMiB(pid) ?? Number.NaN;
  return {
    broker: of(brokerPid),
    agent: of(agentPid),
    manager: of(manager),
    workers: childrenOf(manager).reduce((sum, pid) => sum + of(pid), 0),
  };
}

/** Resolves with the number of tasks that wait, as they say themselves, when that is `count`. */
async function allWaiting(gate: string, count: number): Promise<number> {
  for (;;) {
    const waiting = readdirSync(gate).reduce((sum, name) => sum + Number(readFileSync(join(gate, name), 'utf8')), 0);
    if (waiting === count) return waiting;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
