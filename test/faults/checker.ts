/**
 * Judges a round by its evidence: the external ledger and what the public API says, nothing else. Pure.
 *
 * I1 each acknowledged task ends, as its function lets it and within its attempts · I2 an end never changes · I3 a stored
 * result is what a run of the task made, byte for byte · I4 at most one start with `maxAttempts: 1` · I5 attempts only
 * grow · I6 no second start, and no task lost, without a cause · I7 one owner: never two runs of a task side by side, none
 * elsewhere, none after its end · I8 nothing is left behind · I9 a restart is enough · P5 idempotency keys
 */
import { isTerminal, type TaskEvent, type TaskState, taskStates, transition } from '../../protocol/tasks/states.ts';
import { Causes } from './causes.ts';
import type { Evidence, TaskEvidence } from './evidence.ts';
import type { ClientLine, FunctionLine } from './ledger.ts';
import type { PlannedTask } from './load.ts';

export interface Violation {
  invariant: string;
  /** The task's id. */
  task?: string;
  text: string;
}

type Start = Extract<FunctionLine, { what: 'start' }>;
type Finish = Extract<FunctionLine, { what: 'finish' }>;

/** Everything about one task. */
interface Case extends TaskEvidence {
  planned: PlannedTask;
  starts: Start[];
  finishes: Finish[];
  seen: Extract<ClientLine, { what: 'ended' }>[];
  acknowledgedAt: number;
  cancelled: boolean;
}

export function check(evidence: Evidence): Violation[] {
  const causes = new Causes(evidence.campaign, evidence.leaseMs);
  const violations = [...wholeRound(evidence), ...processes(evidence)];
  for (const one of cases(evidence)) {
    for (const rule of [ended, endedOnce, sameResult, starts, attempts, oneOwner])
      violations.push(...rule(one, causes));
    violations.push(...noExtraStart(one, causes));
  }
  return violations;
}

const at = (one: Case, invariant: string, text: string): Violation => ({ invariant, task: one.record.id, text });

function cases({ planned, functions, clients, tasks }: Evidence): Case[] {
  const plans = new Map(planned.map(plan => [plan.key, plan]));
  const keys = new Map<string, string>();
  for (const line of clients) if (line.what === 'acknowledged') keys.set(line.task, line.key);
  for (const line of functions) if (line.what === 'start') keys.set(line.task, line.key);
  return tasks.flatMap(task => {
    const { id } = task.record;
    const plan = plans.get(keys.get(id) ?? '');
    // Of an unacknowledged task that never started nobody knows the plan.
    if (!plan) return [];
    return {
      ...task,
      planned: plan,
      starts: functions.filter(line => line.what === 'start' && line.task === id) as Start[],
      finishes: functions.filter(line => line.what === 'finish' && line.task === id) as Finish[],
      seen: clients.filter(line => line.what === 'ended' && line.task === id) as Case['seen'],
      acknowledgedAt: clients.find(line => line.what === 'intent' && line.key === plan.key)?.at ?? 0,
      cancelled: clients.some(line => line.what === 'cancel' && line.task === id),
    };
  });
}

function* wholeRound({ clients, tasks }: Evidence): Generator<Violation> {
  const ids = new Set(tasks.map(({ record }) => record.id));
  const byKey = new Map<string, string>();
  for (const line of clients) {
    switch (line.what) {
      case 'acknowledged': {
        const known = byKey.get(line.key);
        if (known !== undefined && known !== line.task)
          yield { invariant: 'P5', task: line.task, text: `${line.key} stands for ${known} too` };
        byKey.set(line.key, line.task);
        if (!ids.has(line.task)) yield { invariant: 'I1', task: line.task, text: 'was acknowledged, and is not there' };
        break;
      }
      case 'conflict':
        if (line.code !== 'idempotency-conflict')
          yield { invariant: 'P5', text: `${line.key} with other content: ${line.code}` };
        break;
      case 'refused':
        yield { invariant: 'I1', text: `${line.key} was refused: ${line.error}` };
    }
  }
  const unknown = new Set(clients.flatMap(line => (line.what === 'unknown' ? line.key : [])));
  const acknowledged = new Set(clients.flatMap(line => (line.what === 'acknowledged' ? line.task : [])));
  const extra = [...ids].filter(id => !acknowledged.has(id));
  if (extra.length > unknown.size)
    yield {
      invariant: 'P5',
      text: `${extra.length} tasks that nobody was told of, of ${unknown.size} unknown submissions`,
    };
  for (const { record } of tasks)
    if (!isTerminal(record.state)) yield { invariant: 'I1', task: record.id, text: `is still ${record.state}` };
}

/** A process that ends by itself may do so only while its disk fails. */
function* processes({ campaign, leftovers }: Evidence): Generator<Violation> {
  const disks = campaign.filter(line => line.what === 'fault' && line.kind === 'disk');
  for (const line of campaign) {
    if (line.what === 'stuck') yield { invariant: 'I9', text: `${line.target}: ${line.text}` };
    if (line.what !== 'exit') continue;
    const excused = disks.some(disk => disk.what === 'fault' && disk.from <= line.at && line.at <= disk.until + 2_000);
    if (!excused) yield { invariant: 'I9', text: `${line.target} ended by itself with code ${line.code}` };
  }
  for (const text of leftovers) yield { invariant: 'I8', text };
}

/** Which ends a task may have by what its function does. */
function* ended(one: Case, causes: Causes): Generator<Violation> {
  const { record, result, planned, starts, cancelled } = one;
  const { behaviour } = planned;
  switch (record.state) {
    case 'succeeded':
      if (['throw', 'exit', 'kill'].includes(behaviour)) yield at(one, 'I1', `a function that ${behaviour}s succeeded`);
      return;
    case 'failed': {
      const code = result?.error?.code;
      if (behaviour === 'throw' && code === 'function-threw') return;
      if (behaviour === 'exit' && code === 'function-exited') return;
      const deaths = starts.filter(
        ({ pid, at: began }) => behaviour === 'kill' || killed(causes, record.endpoint.name, pid, began),
      );
      // A worker that is killed with the task in its hands may not have come to its first line.
      const silent = record.attempt - new Set(starts.map(({ attempt }) => attempt)).size;
      const causeless =
        causes.of(record.endpoint.name, undefined, one.acknowledgedAt, Number.POSITIVE_INFINITY) === undefined;
      if (code === 'task-poison' && deaths.length + (causeless ? 0 : silent) >= 2) return;
      yield at(one, 'I1', `${behaviour} failed with ${code}: ${result?.error?.message}`);
      return;
    }
    case 'cancelled':
      if (!cancelled) yield at(one, 'I1', 'is cancelled, and nobody asked for that');
      return;
    case 'expired':
      if (planned.deadlineAfter === undefined) yield at(one, 'I1', 'is expired, and has no deadline');
  }
}

const killed = (causes: Causes, endpoint: string, pid: number, began: number) =>
  causes.of(endpoint, pid, began, Number.POSITIVE_INFINITY) !== undefined;

function* endedOnce(one: Case): Generator<Violation> {
  const { record, history, seen, result } = one;
  const ends = history.filter(({ state }) => isTerminal(state));
  if (isTerminal(record.state) && (ends.length !== 1 || history.at(-1) !== ends[0]))
    yield at(one, 'I2', `has ${ends.length} ends in its history`);
  for (const { state, attempt } of seen) {
    if (state !== record.state || attempt !== record.attempt)
      yield at(
        one,
        'I2',
        `a client saw it end as ${state} (attempt ${attempt}); it is ${record.state} (${record.attempt})`,
      );
  }
  if (result && (result.state !== record.state || result.attempt !== record.attempt))
    yield at(
      one,
      'I2',
      `its result is ${result.state} (${result.attempt}), its record ${record.state} (${record.attempt})`,
    );
}

function* sameResult(one: Case): Generator<Violation> {
  const { record, result, starts, finishes } = one;
  let run: Start | undefined;
  if (record.state === 'succeeded') {
    const finish = finishes.find(({ digest }) => digest !== undefined && digest === result?.digest);
    run = starts.find(start => start.run === finish?.run);
  } else if (result?.error?.code === 'function-threw') {
    run = starts.find(start => result.error!.message === `run ${start.run}`);
  } else {
    return;
  }
  if (!run) yield at(one, 'I3', 'its result is not that of any run');
  else if (run.attempt > result!.attempt)
    yield at(one, 'I5', `the result of attempt ${run.attempt} is stored as that of ${result!.attempt}`);
}

function* starts(one: Case): Generator<Violation> {
  const { record, starts: runs } = one;
  if (runs.length > record.maxAttempts)
    yield at(one, record.maxAttempts === 1 ? 'I4' : 'I1', `began ${runs.length} times of ${record.maxAttempts}`);
}

const events: TaskEvent[] = [
  ...[{ type: 'claim' }, { type: 'start' }, { type: 'stopped' }, { type: 'cancel' }, { type: 'deadline' }].map(
    event => event as TaskEvent,
  ),
  { type: 'result', outcome: 'succeeded' },
  { type: 'result', outcome: 'failed' },
  { type: 'lease-lost', attemptsLeft: true },
  { type: 'lease-lost', attemptsLeft: false },
];
const steps = new Set(
  taskStates.flatMap(state => events.map(event => `${state} ${transition(state as TaskState, event)}`)),
);

function* attempts(one: Case): Generator<Violation> {
  let last = one.history[0];
  if (last?.state !== 'queued' || last.attempt !== 0) yield at(one, 'I5', `its history begins with ${last?.state}`);
  for (const entry of one.history.slice(1)) {
    if (!steps.has(`${last!.state} ${entry.state}`)) yield at(one, 'I5', `went from ${last!.state} to ${entry.state}`);
    if (entry.attempt !== last!.attempt + (entry.state === 'leased' ? 1 : 0))
      yield at(one, 'I5', `went from attempt ${last!.attempt} to ${entry.attempt} as ${entry.state}`);
    last = entry;
  }
}

function* noExtraStart(one: Case, causes: Causes): Generator<Violation> {
  const { record, planned, starts: runs, seen, acknowledgedAt } = one;
  if (planned.behaviour === 'kill') return;
  const { name } = record.endpoint;
  for (const [i, run] of runs.entries()) {
    const before = runs[i - 1];
    if (before && causes.of(name, before.pid, before.at, run.at) === undefined)
      yield at(one, 'I6', `began again on ${name} ${run.at - before.at} ms later, and nothing had stopped it`);
  }
  if (record.state !== 'lost') return;
  const last = runs.at(-1);
  const until = seen[0]?.at ?? Number.POSITIVE_INFINITY;
  if (causes.ofLoss(name, last?.pid, Math.min(last?.at ?? acknowledgedAt, until), until) === undefined)
    yield at(one, 'I6', `is lost, and nothing had stopped it: ${one.result?.error?.message}`);
}

function* oneOwner(one: Case): Generator<Violation> {
  const { record, starts: runs, finishes, seen } = one;
  const end = Math.min(...seen.map(line => line.at));
  for (const [i, run] of runs.entries()) {
    if (run.endpoint !== record.endpoint.name)
      yield at(one, 'I7', `ran on ${run.endpoint}, not ${record.endpoint.name}`);
    if (run.at > end) yield at(one, 'I7', `began ${run.at - end} ms after a client saw its end`);
    const next = runs[i + 1];
    const finish = finishes.find(line => line.run === run.run);
    if (next && finish && finish.at > next.at)
      yield at(one, 'I7', `ran twice side by side, as attempts ${run.attempt} and ${next.attempt}`);
  }
}
