import { expect, it } from 'vitest';
import type { HistoryEntry, TaskRecord } from '../../../protocol/client-broker/tasks.ts';
import { check } from '../../faults/checker.ts';
import type { Evidence, TaskEvidence } from '../../faults/evidence.ts';
import type { CampaignLine, ClientLine, FaultLine, FunctionLine } from '../../faults/ledger.ts';
import type { PlannedTask } from '../../faults/load.ts';

const LEASE = 4_000;

/** A round of one task that went well. Each test spoils one thing. */
function goodRound() {
  const planned: PlannedTask = {
    ...{ key: 'k', at: 0, endpoint: 0, behaviour: 'quick', ms: 0, bytes: 1, keyed: true, conflict: false },
  };
  const record = {
    ...{ id: 't', state: 'succeeded', attempt: 1, maxAttempts: 3, createdAt: 0, endedAt: 30 },
    endpoint: { id: 'e', name: 'lab' },
  } as unknown as TaskRecord;
  const history: HistoryEntry[] = [
    { at: 0, state: 'queued', attempt: 0 },
    { at: 10, state: 'leased', attempt: 1 },
    { at: 20, state: 'running', attempt: 1 },
    { at: 30, state: 'succeeded', attempt: 1 },
  ];
  const task: TaskEvidence = { record, history, result: { state: 'succeeded', attempt: 1, digest: 'd1' } };
  const functions: FunctionLine[] = [begin('r1', 1, 20), finish('r1', 25, 'd1')];
  const clients: ClientLine[] = [
    { what: 'intent', key: 'k', keyed: true, at: 0 },
    { what: 'acknowledged', key: 'k', task: 't', at: 5 },
    { what: 'ended', task: 't', state: 'succeeded', attempt: 1, at: 40 },
  ];
  const evidence: Evidence = {
    ...{ leaseMs: LEASE, planned: [planned], functions, clients, campaign: [], tasks: [task], leftovers: [] },
  };
  return { evidence, task, record, planned, history, functions, clients, campaign: evidence.campaign };
}

/** As {@link goodRound}, but the task was lost. */
function lostRound() {
  const round = goodRound();
  const { record, task, history, clients } = round;
  record.state = 'lost';
  task.result = { state: 'lost', attempt: 1 };
  history[3]!.state = 'lost';
  clients[2] = { what: 'ended', task: 't', state: 'lost', attempt: 1, at: 40 };
  return round;
}

function begin(run: string, attempt: number, at: number, pid = 7): FunctionLine {
  return { what: 'start', run, task: 't', attempt, endpoint: 'lab', key: 'k', pid, at };
}

function finish(run: string, at: number, digest: string): FunctionLine {
  return { what: 'finish', run, task: 't', at, digest };
}

function fault(from: number, until: number, more: Partial<FaultLine> = {}): FaultLine {
  return { what: 'fault', kind: 'kill', target: 'broker', detail: 'SIGKILL', from, until, ...more };
}

const found = (evidence: Evidence) => check(evidence).map(({ invariant }) => invariant);

it('finds nothing in a round that went well', () => {
  expect(check(goodRound().evidence)).toEqual([]);
});

it('I1: misses an acknowledged task', () => {
  const { evidence } = goodRound();
  evidence.tasks = [];
  expect(found(evidence)).toEqual(['I1']);
});

it('I1: takes no task for ended that is not', () => {
  const { evidence, record, task, history, clients } = goodRound();
  record.state = 'running';
  delete task.result;
  history.pop();
  clients.pop();
  expect(found(evidence)).toEqual(['I1']);
});

it('I1: takes no end that the function does not make', () => {
  const { evidence, planned } = goodRound();
  planned.behaviour = 'throw';
  expect(found(evidence)).toEqual(['I1']);
});

it('I2: sees an end that a client was told otherwise', () => {
  const { evidence, clients } = goodRound();
  clients.push({ what: 'ended', task: 't', state: 'lost', attempt: 1, at: 35 });
  expect(found(evidence)).toContain('I2');
});

it('I2 and I5: sees a second end in the history', () => {
  const { evidence, history } = goodRound();
  history.splice(3, 0, { at: 29, state: 'lost', attempt: 1 });
  expect(found(evidence)).toEqual(['I2', 'I5']);
});

it('I3: sees a result that no run made', () => {
  const { evidence, task } = goodRound();
  task.result!.digest = 'another';
  expect(found(evidence)).toEqual(['I3']);
});

it('I4: counts the starts of a task that may start once', () => {
  const { evidence, record, functions, campaign } = goodRound();
  record.maxAttempts = 1;
  functions.unshift(begin('r0', 1, 10));
  campaign.push(fault(-LEASE, 10));
  expect(found(evidence)).toEqual(['I4']);
});

it('I5: sees a result stored under an attempt before that of its run', () => {
  const { evidence, functions } = goodRound();
  functions[0] = begin('r1', 2, 20);
  expect(found(evidence)).toEqual(['I5']);
});

it('I6: asks for a cause of a second start', () => {
  const { evidence, functions, campaign } = goodRound();
  functions.unshift(begin('r0', 1, 10, 6));
  expect(found(evidence)).toEqual(['I6']);
  // Shorter than a lease, of another endpoint, of another worker: none of them is one.
  campaign.push(fault(5, 15 + LEASE / 4));
  campaign.push(fault(5, 2 * LEASE, { target: 'agent', endpoint: 'other' }));
  campaign.push(fault(15, 15, { target: 'worker', endpoint: 'lab', pid: 99 }));
  expect(found(evidence)).toEqual(['I6']);
});

it.each<[string, CampaignLine[]]>([
  ['its worker was killed', [fault(15, 15, { target: 'worker', endpoint: 'lab', pid: 6 })]],
  ['its manager was killed', [fault(15, 15, { target: 'manager', endpoint: 'lab', pid: 1 })]],
  ['the broker was away for a lease', [fault(-LEASE, 15)]],
  [
    'faults kept both apart for a lease together',
    [fault(-3_000, -1_500, { target: 'agent', endpoint: 'lab', kind: 'net', detail: 'hole-up' }), fault(-1_500, -500)],
  ],
  [
    'the endpoint was seen offline for a lease',
    [
      { what: 'health', broker: true, online: ['lab'], at: -3_000 },
      { what: 'health', broker: true, online: [], at: 0 },
    ],
  ],
])('I6: takes for a cause that %s', (_, lines) => {
  const { evidence, functions, campaign } = goodRound();
  functions.unshift(begin('r0', 1, 10, 6));
  campaign.push(...lines);
  expect(check(evidence)).toEqual([]);
});

it('I6: asks for a cause of a loss', () => {
  const { evidence } = lostRound();
  expect(found(evidence)).toEqual(['I6']);
});

it.each<[boolean, string, CampaignLine]>([
  [true, 'at a failpoint, in a span that began before the task', fault(-5, 45, { kind: 'failpoint', detail: 'kill' })],
  [
    false,
    'at a failpoint, in a span that was over before the task',
    fault(-50, -5, { kind: 'failpoint', detail: 'kill' }),
  ],
  [true, 'by a signal after the task came', fault(30, 500)],
  [false, 'by a signal before the task came', fault(-5, 500)],
])('I6: excuses (%s) the loss of a task whose agent was killed %s', (excused, _, line) => {
  const { evidence, functions, campaign } = lostRound();
  functions.splice(0);
  campaign.push({ ...line, target: 'agent', endpoint: 'lab' } as CampaignLine);
  expect(found(evidence)).toEqual(excused ? [] : ['I6']);
});

it('I6: a worker of any number may have been the one of a function that never said that it began', () => {
  const { evidence, functions, campaign } = lostRound();
  functions.splice(1);
  campaign.push(fault(25, 25, { target: 'worker', endpoint: 'lab', pid: 8 }));
  expect(found(evidence)).toEqual(['I6']);
  functions.splice(0);
  expect(found(evidence)).toEqual([]);
});

it('I1: counts the death of a worker before its function said that it began, where there was one', () => {
  const { evidence, record, task, planned, history, functions, clients, campaign } = goodRound();
  planned.behaviour = 'kill';
  Object.assign(record, { state: 'failed', attempt: 2 });
  task.result = { state: 'failed', attempt: 2, error: { code: 'task-poison', message: '' } };
  history.splice(3, 1, { at: 22, state: 'queued', attempt: 1 }, { at: 23, state: 'leased', attempt: 2 });
  history.push({ at: 24, state: 'running', attempt: 2 }, { at: 30, state: 'failed', attempt: 2 });
  clients[2] = { what: 'ended', task: 't', state: 'failed', attempt: 2, at: 40 };
  functions.splice(0, 2, begin('r2', 2, 24));
  expect(found(evidence)).toEqual(['I1']);
  campaign.push(fault(20, 20, { target: 'worker', endpoint: 'lab', pid: 8 }));
  expect(found(evidence)).toEqual([]);
});

it('I7: sees two runs side by side, one elsewhere, and one after the end', () => {
  const { evidence, functions, campaign } = goodRound();
  campaign.push(fault(-LEASE, 15));
  functions.unshift(begin('r0', 1, 10), finish('r0', 22, 'd0'));
  expect(found(evidence)).toEqual(['I7']);
  functions.splice(0, 2, { ...begin('r0', 1, 10), endpoint: 'other' } as FunctionLine);
  expect(found(evidence)).toEqual(['I7']);
  functions.splice(0, 1);
  functions.push(begin('r2', 1, 50));
  expect(found(evidence)).toEqual(['I7']);
});

it('I8 and I9: sees leftovers, and processes that end by themselves while their disk is well', () => {
  const { evidence, campaign } = goodRound();
  evidence.leftovers.push('process 1');
  campaign.push({ what: 'exit', target: 'broker', code: 1, at: 100 });
  expect(found(evidence)).toEqual(['I9', 'I8']);
  campaign.push(fault(50, 150, { kind: 'disk' }));
  expect(found(evidence)).toEqual(['I8']);
});

it('P5: sees one key for two tasks, and other content taken under a key', () => {
  const { evidence, clients } = goodRound();
  clients.push({ what: 'conflict', key: 'k', code: 'taken', at: 50 });
  expect(found(evidence)).toEqual(['P5']);
  clients.push({ what: 'acknowledged', key: 'k', task: 'other', at: 60 });
  expect(found(evidence)).toEqual(['P5', 'P5', 'I1']);
});
