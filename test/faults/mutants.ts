// Ways to break the promises, each in the real code, with a round that brings it to light: the checker has to notice all
// of them. The same round of the code as it is breaks nothing.
import type { Replacement } from './build.ts';
import type { PlannedTask } from './load.ts';
import type { RoundPlan } from './round.ts';
import type { Fault } from './schedule.ts';

export interface Mutant {
  name: string;
  changes: Replacement[];
  plan: RoundPlan;
  /** The invariants of which one has to notice it. */
  caughtBy: string[];
}

/** Tasks of one client, one every so many milliseconds. */
function tasks(count: number, everyMs: number, more: Partial<PlannedTask>): PlannedTask[] {
  return Array.from({ length: count }, (_, i) => ({
    ...{
      key: `task-${i}`,
      at: i * everyMs,
      endpoint: 0,
      behaviour: 'quick',
      ms: 0,
      bytes: 16,
      keyed: true,
      conflict: false,
    },
    ...more,
  }));
}

const plan = (leaseMs: number, ms: number, load: PlannedTask[], faults: Fault[]): RoundPlan => ({
  ...{ endpoints: 1, workers: 2, leaseMs, ms, quiesceMs: 15_000 },
  ...{ clients: [load], faults },
});

const agent = { role: 'agent', endpoint: 0 } as const;

export const mutants: Mutant[] = [
  {
    name: 'acknowledges before the commit',
    changes: [
      {
        file: 'broker/store/sqlite/engine.ts',
        from: "    this.#db.exec('BEGIN IMMEDIATE');\n",
        to: "    if (this.#db.isTransaction) this.#db.exec('COMMIT');\n    this.#db.exec('BEGIN IMMEDIATE');\n",
      },
      {
        file: 'broker/store/sqlite/engine.ts',
        from: "    this.#db.exec('COMMIT');\n",
        to: '',
      },
    ],
    plan: plan(
      6_000,
      6_000,
      tasks(180, 30, {}),
      Array.from({ length: 8 }, (_, i) => i * 700).map(at => ({
        ...{ kind: 'failpoint', name: 'broker.confirm.sent', skip: 0, action: 'kill', at, ms: 0 },
      })),
    ),
    caughtBy: ['I1', 'I6', 'P5'],
  },
  {
    name: 'deletes a result from its journal when it is sent',
    changes: [
      {
        file: 'agent/tasks/delivery.ts',
        from: '    this.#broker.send(message, payload);\n    // failpoint: agent.result.sent\n',
        to: '    this.#broker.send(message, payload);\n    // failpoint: agent.result.sent\n    setImmediate(() => this.#settled(attempt));\n',
      },
    ],
    plan: plan(
      10_000,
      2_500,
      tasks(100, 20, {}),
      [500, 1_200, 1_900].map(at => ({
        ...{ kind: 'failpoint', name: 'broker.result.received', skip: 0, action: 'kill', at, ms: 0 },
      })),
    ),
    caughtBy: ['I1', 'I6'],
  },
  {
    name: 'has no fence on results',
    changes: [
      {
        file: 'broker/store/sqlite/statements/results.ts',
        from: '  const row = currentAttempt(ctx, endpoint.num, result.task, result.attempt);\n',
        to: "  const row = ctx.get<TaskRow>(SELECT_TASK + ' WHERE t.id = ?', result.task);\n",
      },
      {
        file: 'broker/store/sqlite/statements/results.ts',
        from: 'import { saveTask, step, type TaskRow }',
        to: 'import { SELECT_TASK, saveTask, step, type TaskRow }',
      },
      {
        file: 'broker/store/sqlite/statements/results.ts',
        from: "  if (isTerminal(row.state)) return isSameEnd(ctx, row, result) ? 'confirm' : 'stale';\n",
        to: "  if (isTerminal(row.state)) {\n    ctx.count(row.endpoint, 0, 1);\n    row.state = 'running';\n  }\n",
      },
    ],
    // The results of tasks that must not run twice come when the broker has given them up.
    plan: plan(1_500, 8_000, tasks(2, 10, { behaviour: 'slow', ms: 2_500, maxAttempts: 1 }), [
      { kind: 'net', line: agent, fault: 'hole-up', at: 1_500, ms: 6_000 },
    ]),
    caughtBy: ['I2'],
  },
  {
    name: 'takes its lease from a local clock',
    changes: [
      {
        file: 'agent/broker/session.ts',
        from: '    return performance.now() < this.#leaseUntil;\n',
        to: '    return Date.now() < this.#leaseUntil;\n',
      },
      {
        file: 'agent/broker/session.ts',
        from: 'this.#sentBeats.set(0, performance.now());',
        to: 'this.#sentBeats.set(0, Date.now());',
      },
      {
        file: 'agent/broker/session.ts',
        from: 'this.#sentBeats.set(++this.#beat, performance.now());',
        to: 'this.#sentBeats.set(++this.#beat, Date.now());',
      },
    ],
    // Two run and two wait on an endpoint that the broker does not hear of any more; its clock went back by an hour.
    plan: plan(1_000, 8_500, tasks(4, 10, { behaviour: 'slow', ms: 5_000, maxAttempts: 1 }), [
      { kind: 'net', line: agent, fault: 'hole-up', at: 1_500, ms: 6_500 },
      { kind: 'clock', target: agent, jumpMs: -3_600_000, stays: false, at: 1_600, ms: 6_400 },
    ]),
    caughtBy: ['I7', 'I4'],
  },
  {
    name: 'starts what its journal took longer than the lease to note',
    changes: [
      {
        file: 'agent/tasks/attempts.ts',
        from: '    if (!this.#broker.hasLease) {\n',
        to: '    if (!this.#broker.hasLease && !attempt.journaled) {\n',
      },
    ],
    plan: plan(1_000, 8_500, tasks(2, 10, { at: 600, behaviour: 'slow', ms: 200, maxAttempts: 1 }), [
      { kind: 'disk', target: agent, error: 'ENOSPC', call: 'write', at: 300, ms: 5_700 },
      { kind: 'net', line: agent, fault: 'hole-up', at: 1_800, ms: 6_000 },
    ]),
    caughtBy: ['I7'],
  },
  {
    name: 'runs a task once more that comes twice',
    changes: [
      {
        file: 'agent/tasks/attempts.ts',
        from: '    if (this.#stopping || this.#here.isOver(message.task, message.attempt)) return;\n',
        to: '    if (this.#stopping) return;\n',
      },
    ],
    plan: plan(10_000, 3_000, tasks(100, 25, { maxAttempts: 1 }), [
      { kind: 'net', line: agent, fault: 'replay-down', at: 300, ms: 2_700 },
    ]),
    caughtBy: ['I4', 'I6', 'I7'],
  },
  {
    name: 'runs again on a reconnect',
    changes: [
      {
        file: 'agent/tasks/inventory.ts',
        from: '    if (journaled) have.push(',
        to: '    if (journaled && !mayHaveBegun) have.push(',
      },
      {
        file: 'agent/tasks/attempts.ts',
        from: '    if (known) this.#repeated(known, message, payload);\n',
        to: "    if (known && known.stage !== 'started') this.#repeated(known, message, payload);\n",
      },
    ],
    plan: {
      ...plan(
        10_000,
        4_000,
        tasks(6, 500, { behaviour: 'slow', ms: 1_500 }),
        [1_200, 2_800].map(at => ({ kind: 'net', line: agent, fault: 'reset', at, ms: 0 })),
      ),
      // Room for the second run beside the first.
      workers: 6,
    },
    caughtBy: ['I6', 'I7'],
  },
];
