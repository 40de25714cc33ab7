import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../../broker/clock.ts';
import { reconcile } from '../../../broker/sessions/reconcile.ts';
import type {
  BrokerStore,
  CommitNotice,
  EndedAttempt,
  SessionRef,
  StorePolicy,
  TaskToSubmit,
} from '../../../broker/store/contract.ts';
import type { BrokerEvent } from '../../../protocol/client-broker/events.ts';
import type { RunaboutError } from '../../../protocol/errors/error.ts';
import { newId } from '../../../protocol/ids.ts';
import { HOST, WORKERS } from '../../support/raw-agent.ts';

// A store under test with an owner, a function and an endpoint, and short ways to use them.

export type OpenStore = (policy?: Partial<StorePolicy>) => Promise<BrokerStore>;

export const digest = 'a'.repeat(64);
export const leaseMs = 1_000;
export let store: BrokerStore;
export let notices: CommitNotice[];
export let owner: string;
export let fn: string;
export let endpoint: string;
/** The clock of the test. */
export let now: number;
let factory: OpenStore;

/** Time goes by. */
export const pass = (ms: number) => {
  now += ms;
};

export const useFactory = (open: OpenStore) => {
  factory = open;
};

/** Begins again with a new store. */
export const use = async (policy?: Partial<StorePolicy>) => {
  store = await factory({ retryFirstMs: 1_000, ...policy });
  const opened = store;
  onTestFinished(() => opened.close());
  notices = [];
  store.onCommit(notice => notices.push(notice));
  now = 1_000_000;
  owner = (await store.setOwner({ id: newId(), name: 'owner', tokenHash: 'owner', now })).id;
  await store.addBlob({ digest, size: 10, holder: owner, now });
  const registered = await store.registerFunction({
    owner,
    id: newId(),
    now,
    name: 'f',
    digest,
    details: { kind: 'sync' },
  });
  fn = registered.function.id;
  endpoint = (await store.createEndpoint({ owner, id: newId(), now, name: 'lab', tokenHash: 'agent' })).id;
};

export const task = (more: Partial<TaskToSubmit> = {}): TaskToSubmit => ({
  id: newId(),
  function: { id: fn },
  endpoint,
  args: { type: 'application/json', size: 2, bytes: Buffer.from('[]') },
  maxAttempts: 3,
  priority: 0,
  ...more,
});
export const submit = async (more?: Partial<TaskToSubmit>) =>
  (await store.submit({ owner, now, tasks: [task(more)] }))[0]!.id;
export const session = async (have: [string, number, 'accepted' | 'started' | 'ended'][] = []) => {
  const opened = { endpoint, tokenHash: 'agent', session: newId(), now, leaseMs, host: HOST, workers: WORKERS };
  const { epoch } = await store.openSession(opened);
  const ref = { endpoint, epoch };
  const reconciled = await reconcile(store, ref, have, { ...systemClock, now: () => now });
  if (reconciled === 'superseded') throw new Error('superseded');
  return { ...reconciled, ref };
};
export const claim = async (ref: SessionRef, limit = 10, room?: number) => {
  const claimed = await store.claim({ ...ref, now, limit, ...(room === undefined ? {} : { room }) });
  if (claimed === 'superseded') throw new Error('superseded');
  return claimed;
};
export const end = (id: string, attempt: number, more: Partial<EndedAttempt> = {}): EndedAttempt => ({
  task: id,
  attempt,
  outcome: 'succeeded',
  startedAt: now,
  value: { type: 'application/json', size: 1, bytes: Buffer.from('7') },
  timings: { loadMs: 0, runMs: 1, agentMs: 2 },
  ...more,
});
export const complete = (ref: SessionRef, ...results: EndedAttempt[]) => store.complete({ ...ref, now, results });
export const get = (id: string) => store.getTask({ owner, id, now });
export const states = async (id: string) => (await store.history({ owner, id })).map(entry => entry.state);
export const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: RunaboutError) => error.code,
  );
/** Sweeps twice: the first pass marks, the second takes back. */
export const sweepTwice = async () => {
  await store.sweep({ now, limit: 100 });
  await store.sweep({ now, limit: 100 });
};

/** What changed after an event number: the newest state of each thing. */
export async function eventsAfter(after: number, limit = 100, whose = owner) {
  const { frame, count, ...range } = await store.events({ owner: whose, after, limit, now });
  const events: BrokerEvent[] = JSON.parse(Buffer.from(frame).toString('utf8'));
  expect(events).toHaveLength(count);
  return { events, ...range };
}
