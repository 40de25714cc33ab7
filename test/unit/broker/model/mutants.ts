import { DatabaseSync } from 'node:sqlite';
import type { StoreVerbs } from '../../../../broker/store/contract.ts';
import type { Invariant } from './checker.ts';
import type { Ask, Mutation } from './world.ts';

/** A way to break the promises, and the invariants of which one has to notice. */
export interface Mutant extends Mutation {
  name: string;
  caughtBy: Invariant[];
}

type Requests = { [V in keyof StoreVerbs]: Parameters<StoreVerbs[V]>[0] };

/** A store of which one verb is asked something else. `newestEpoch` is that of the last session that was opened. */
function changed<V extends keyof StoreVerbs>(
  verb: V,
  change: (request: Requests[V], real: Ask, newestEpoch: Map<string, number>) => Requests[V],
): NonNullable<Mutation['store']> {
  return real => {
    const epochs = new Map<string, number>();
    return (asked, request) => {
      const answer = real(
        asked,
        ((asked as keyof StoreVerbs) === verb ? change(request as Requests[V], real, epochs) : request) as never,
      );
      if (asked === 'openSession') {
        epochs.set((request as Requests['openSession']).endpoint, (answer as { epoch: number }).epoch);
      }
      return answer;
    };
  };
}

/** A store that answers some calls of a verb as if they were committed, and rolls them back. */
function uncommitted(verb: keyof StoreVerbs): NonNullable<Mutation['store']> {
  return real => {
    let calls = 0;
    return (asked, request) => {
      if (asked !== verb || ++calls % 3 !== 0) return real(asked, request);
      const { exec } = DatabaseSync.prototype;
      DatabaseSync.prototype.exec = function (sql) {
        exec.call(this, sql === 'COMMIT' ? 'ROLLBACK' : sql);
      };
      try {
        return real(asked, request);
      } finally {
        DatabaseSync.prototype.exec = exec;
      }
    };
  };
}

export const mutants: Mutant[] = [
  { name: 'acknowledges a task before its commit', store: uncommitted('submit'), caughtBy: ['I1', 'P5'] },
  { name: 'confirms a result before its commit', store: uncommitted('complete'), caughtBy: ['I3'] },
  {
    name: 'has no fence of attempts',
    store: changed('complete', ({ results, ...session }, real) => ({
      ...session,
      results: results.map(result => {
        const { items } = real('listTasks', { owner: 'owner', limit: 1_000, now: session.now });
        return { ...result, attempt: items.find(({ id }) => id === result.task)?.attempt ?? result.attempt };
      }),
    })),
    caughtBy: ['I5'],
  },
  {
    name: 'has no fence of sessions',
    store: changed('complete', (request, _, epochs) => ({ ...request, epoch: epochs.get(request.endpoint)! })),
    caughtBy: ['I7'],
  },
  {
    name: 'tries an at-most-once task again',
    store: changed('submit', ({ tasks, ...request }) => ({
      ...request,
      tasks: tasks.map(task => ({ ...task, maxAttempts: Math.max(2, task.maxAttempts) })),
    })),
    caughtBy: ['I4', 'I1'],
  },
  {
    name: 'forgets idempotency keys',
    store: changed('submit', ({ tasks, ...request }) => ({
      ...request,
      tasks: tasks.map(({ idempotencyKey: _, ...task }) => task),
    })),
    caughtBy: ['P5'],
  },
  {
    name: 'deletes a result before its time',
    store: changed('purge', request => ({ ...request, now: request.now + 1_000 })),
    caughtBy: ['kept', 'I3'],
  },
  { name: 'runs again on a reconnect', flaws: { forgetsOnReconnect: true }, caughtBy: ['I6', 'I4'] },
  { name: 'deletes a result before it is confirmed', flaws: { deletesOnSend: true }, caughtBy: ['I6', 'I4'] },
  {
    name: 'forgets what it gives up before the broker knows',
    flaws: { forgetsBeforeBye: true },
    caughtBy: ['I1', 'I4'],
  },
  { name: 'starts what it did not say that it has', flaws: { startsUnsaid: true }, caughtBy: ['I7'] },
  { name: 'starts after its lease is over', flaws: { ignoresLease: true }, caughtBy: ['lease'] },
];
