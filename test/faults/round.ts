// One round: clients work, faults strike, the faults end, everything has its time to end, and the checker judges.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isTerminal } from '../../protocol/tasks/states.ts';
import { Failpoints } from './arming.ts';
import type { Programs } from './build.ts';
import { check, type Violation } from './checker.ts';
import { type Evidence, readTasks } from './evidence.ts';
import { append, type CampaignLine, type ClientLine, type FunctionLine, read } from './ledger.ts';
import type { PlannedTask } from './load.ts';
import { findProcesses, signal } from './processes.ts';
import { registerWork } from './register.ts';
import { Rig } from './rig.ts';
import type { Fault } from './schedule.ts';
import { Striker } from './strike.ts';
import { Watch } from './watch.ts';

/** Everything that is decided before a round begins. */
export interface RoundPlan {
  endpoints: number;
  workers: number;
  leaseMs: number;
  /** The tasks of each client. */
  clients: PlannedTask[][];
  faults: Fault[];
  /** How long faults may strike, in milliseconds. */
  ms: number;
  /** How long everything may take to end afterwards. */
  quiesceMs: number;
}

export interface RoundReport {
  evidence: Evidence;
  violations: Violation[];
  /** Where logs and ledgers are. */
  folder: string;
}

const LOOK_MS = 50;
/** How long it has to stay so: what comes late must not change anything. */
const LATE_MS = 1_000;

export async function runRound(
  plan: RoundPlan,
  programs: Programs,
  shim: string | undefined,
  folder: string,
): Promise<RoundReport> {
  rmSync(join(programs.failpoints, 'hits.jsonl'), { force: true });
  const campaign: CampaignLine[] = [];
  let stopping = false;
  const record = (line: CampaignLine) => {
    if (stopping && line.what === 'exit') return;
    campaign.push(line);
    append(join(folder, 'campaign.jsonl'), line);
  };
  const { endpoints, workers, leaseMs } = plan;
  const rig = await Rig.start({ programs, folder, endpoints, workers, leaseMs, shim, record });
  let tasks: Evidence['tasks'] = [];
  let leftovers: string[] = [];
  const watch = new Watch(rig, record);
  try {
    const work = await registerWork(rig.direct);
    const startedAt = Date.now();
    for (const [i, list] of plan.clients.entries())
      await rig.addClient(`client-${i}`, { function: work, startedAt, tasks: list });
    const striker = new Striker(rig, new Failpoints(programs.failpoints), record);
    await strikeAll(plan, striker, startedAt);
    await settle(rig, plan, record);
    watch.close();
    tasks = await readTasks(rig.direct);
  } finally {
    watch.close();
    stopping = true;
    leftovers = await stopAll(rig);
  }
  const evidence: Evidence = {
    leaseMs,
    planned: plan.clients.flat(),
    functions: read<FunctionLine>(rig.functionLedger),
    clients: rig.clients.flatMap(({ ledger }) => read<ClientLine>(ledger)),
    campaign,
    tasks,
    leftovers,
  };
  return { evidence, violations: check(evidence), folder };
}

async function strikeAll({ faults, ms }: RoundPlan, striker: Striker, startedAt: number): Promise<void> {
  const left = [...faults];
  for (let now = 0; now < ms; now = Date.now() - startedAt) {
    while (left.length > 0 && left[0]!.at <= now) striker.strike(left.shift()!);
    striker.follow();
    await pause(LOOK_MS);
  }
  striker.end();
}

/** Waits until all clients are done, all endpoints are back, and all tasks have ended. */
async function settle(rig: Rig, plan: RoundPlan, record: (line: CampaignLine) => void): Promise<void> {
  const deadline = Date.now() + plan.quiesceMs;
  let why = '';
  let settledAt = Number.POSITIVE_INFINITY;
  while (Date.now() < deadline) {
    why = (await unsettled(rig, plan)) ?? '';
    settledAt = why === '' ? Math.min(settledAt, Date.now()) : Number.POSITIVE_INFINITY;
    if (Date.now() - settledAt > LATE_MS) return;
    await pause(LOOK_MS * 4);
  }
  record({ what: 'stuck', target: 'rig', text: `${plan.quiesceMs} ms after the faults ${why}`, at: Date.now() });
}

async function unsettled(rig: Rig, plan: RoundPlan): Promise<string | undefined> {
  for (const { ledger, service } of rig.clients) {
    if (!read<ClientLine>(ledger).some(({ what }) => what === 'done')) return `${service.command.name} is not done`;
  }
  try {
    const online = await rig.online(AbortSignal.timeout(2_000));
    if (online.length < plan.endpoints) return `only ${online} of ${plan.endpoints} endpoints are online`;
    for (const state of ['queued', 'leased', 'running', 'cancelling'] as const) {
      const { items } = await rig.direct.listTasks({ state, limit: 1 });
      if (items[0] && !isTerminal(items[0].state)) return `task ${items[0].id} is ${state}`;
    }
  } catch (error) {
    return `the broker does not answer: ${error}`;
  }
  return undefined;
}

/** Stops everything in order. Returns what is left that should not be. */
async function stopAll(rig: Rig): Promise<string[]> {
  const { folder } = rig.options;
  const left = (await rig.stop()).map(name => `${name} did not stop when it was told to`);
  for (const { pid, command } of findProcesses(`${folder}/`)) {
    left.push(`process ${pid}: ${command.join(' ').slice(0, 200)}`);
    signal(pid, 'SIGKILL');
  }
  for (const { paths } of rig.endpoints) {
    left.push(...entries(paths.managers).map(name => `folder of a manager: ${join(paths.managers, name)}`));
    left.push(
      ...entries(paths.cache)
        .filter(name => name.startsWith('.'))
        .map(name => `unfinished file: ${name}`),
    );
  }
  left.push(...entries(join(folder, 'broker', 'blobs', 'incoming')).map(name => `unfinished upload: ${name}`));
  return left;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The last lines of a log, for a report. */
export function tail(file: string, lines = 20): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
