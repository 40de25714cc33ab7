/**
 * What the broker asks of its store, in the verbs of a queue. No connection, transaction or SQL type shows, so that
 * another database can stand behind it; `test/contract/store/` holds every implementation to the same behaviour.
 *
 * - Every verb is one atomic change (or a read), and its promise resolves only when the change is durable.
 * - Verbs called in one turn of the event loop take effect in the order of the calls.
 * - Time is the caller's (`now`, whole milliseconds since 1970): the store reads no clock.
 * - Ownership is part of every look-up: what is another owner's is `not-found`.
 * - Changes of state go through `protocol/tasks/states.ts`; each is in the task's history and bears the owner's next
 *   event number.
 */

import type { Phase } from '../../protocol/broker-agent/messages.ts';
import type { CreateEndpoint, EndpointRecord, HostInfo, WorkerCounts } from '../../protocol/client-broker/endpoints.ts';
import type {
  FunctionKind,
  FunctionRecord,
  FunctionVersion,
  RegisteredFunction,
  RegisterFunction,
} from '../../protocol/client-broker/functions.ts';
import type { Principal } from '../../protocol/client-broker/principals.ts';
import type {
  HistoryEntry,
  OutputChunk,
  SubmitTask,
  TaskOutput,
  TaskRecord,
  TaskResult,
  Timings,
} from '../../protocol/client-broker/tasks.ts';
import type { RunaboutError } from '../../protocol/errors/error.ts';
import type { TaskError } from '../../protocol/tasks/error.ts';
import type { TaskState } from '../../protocol/tasks/states.ts';
import type { ContentType } from '../../protocol/values/payload.ts';

/** How the store decides on lost attempts, how far events can be replayed, and how long things are kept. */
export interface StorePolicy {
  /** Pause before the second attempt, in milliseconds; it doubles with every further one. */
  retryFirstMs: number;
  retryMostMs: number;
  /** How long a task of `maxAttempts: 1` waits for its agent to come back with the result, before it is `lost`. */
  lossGraceMs: number;
  /** Worker deaths after which a task is poison. */
  poisonDeaths: number;
  /** How many event numbers back a client can resume. */
  eventsKept: number;
  /** How long a task is kept after its end, with its result, output, history and idempotency key, in milliseconds. */
  retentionMs: number;
  /** How long a blob is kept that nothing refers to, since somebody last uploaded it or asked for it, in milliseconds. */
  uploadGraceMs: number;
}

export const defaultPolicy: StorePolicy = {
  retryFirstMs: 100,
  retryMostMs: 60_000,
  lossGraceMs: 10 * 60_000,
  poisonDeaths: 2,
  eventsKept: 100_000,
  retentionMs: 30 * 24 * 3600_000,
  uploadGraceMs: 24 * 3600_000,
};

/** Who a token stands for. */
export interface TokenHolder {
  principal: Principal;
  /** The principal whose things this token reaches: itself, or the owner of the agent's endpoint. */
  owner: string;
  tokenHash: string;
}

/** A value in the store: its bytes, or the blob that holds them. */
export type StoredValue =
  | { type: ContentType; size: number; bytes: Uint8Array }
  | { type: ContentType; size: number; blob: string };

export type TaskToSubmit = Omit<Required<Pick<SubmitTask, 'function' | 'endpoint'>> & SubmitTask, 'args'> & {
  id: string;
  args: StoredValue;
  maxAttempts: number;
  priority: number;
  /** Of everything but the id; needed with an idempotency key. */
  contentDigest?: string | undefined;
};

/** One page of a list: `cursor` is the `next` of the page before. */
export interface PageRequest {
  owner: string;
  limit: number;
  cursor?: string | undefined;
}
export interface Page<T> {
  items: T[];
  next?: string;
}

export interface AttemptRef {
  task: string;
  attempt: number;
}

/** What a dispatch takes in memory and on its way, in bytes, about. */
export const dispatchBytes = ({ args }: Dispatch): number => 512 + ('bytes' in args ? args.size : 0);

/** One attempt on its way to an agent. */
export interface Dispatch extends AttemptRef {
  digest: string;
  mapDigest?: string;
  name: string;
  kind: FunctionKind;
  args: StoredValue;
  timeoutMs?: number;
  /** A worker died under an attempt of it. */
  alone?: boolean;
}

/** The end of an attempt, as its agent reports it. */
export interface EndedAttempt extends AttemptRef {
  outcome: 'succeeded' | 'failed' | 'cancelled';
  value?: StoredValue | undefined;
  error?: TaskError | undefined;
  timings: Timings;
  /** When it started, if its start came with it. */
  startedAt?: number | undefined;
}

/**
 * What became of a result. `stale`: its attempt is not the current one, or the task ended otherwise. `queued`: nothing
 * yet; the task waits for its next attempt, which the agent answers with this result, so it has to keep it.
 */
export type EndAnswer = 'confirm' | 'stale' | 'queued' | 'blob-unknown';

/** A session speaks for its endpoint as long as its epoch is the newest. */
export interface SessionRef {
  endpoint: string;
  epoch: number;
}

/** The answer to a session that is not the newest any more. */
export type Superseded = 'superseded';

/** What a session has to hear of attempts that its agent says it has. */
export interface Reconciliation {
  keep: [string, number][];
  drop: [string, number][];
  /** Attempts the agent has, that somebody cancelled meanwhile. */
  cancels: AttemptRef[];
}

/** What a commit changed, for those in this process who wait for it. A hint: everything in it can be read again. */
export interface CommitNotice {
  /** The newest event number of each owner with changes. */
  heads: Record<string, number>;
  /** Tasks that ended. */
  ended: string[];
  /** Endpoints with tasks that can be claimed. */
  ready: string[];
  /** Attempts to stop. */
  cancels: (AttemptRef & { endpoint: string })[];
}

export interface EventBatch {
  /**
   * The JSON text of an array of `BrokerEvent`, as it goes out to everybody who listens: in the order of their numbers,
   * and of an entity that changed often, only its newest state.
   */
  frame: Uint8Array;
  /** How many there are in it. */
  count: number;
  /** Everything up to this number is in. */
  through: number;
  head: number;
}

/** Every verb with its request and answer; {@link BrokerStore} gives each as a promise. */
export interface StoreVerbs {
  // Principals.

  /** Makes `tokenHash` the one token of the broker's owner, who is created if there is none. */
  setOwner(request: { id: string; name: string; tokenHash: string; now: number }): Principal;
  /** @throws `name-taken` */
  createUser(request: { id: string; name: string; tokenHash: string; now: number }): Principal;
  findToken(request: { tokenHash: string }): TokenHolder | null;

  // Functions.

  /** @throws `bundle-unknown` unless the owner uploaded bundle and map */
  registerFunction(request: { owner: string; id: string; now: number } & RegisterFunction): RegisteredFunction;
  listFunctions(
    request: PageRequest & { name?: string | undefined; search?: string | undefined },
  ): Page<FunctionRecord>;
  getFunction(request: { owner: string; id: string }): FunctionRecord;
  listVersions(request: { owner: string; id: string } & PageRequest): Page<FunctionVersion>;
  /** Tasks keep its name and code. */
  deleteFunction(request: { owner: string; id: string; now: number }): null;

  // Endpoints.

  /** @throws `name-taken` */
  createEndpoint(
    request: { owner: string; id: string; tokenHash: string; now: number } & CreateEndpoint,
  ): EndpointRecord;
  /** Replaces the agent's token. */
  renewEndpointToken(request: { owner: string; id: string; tokenHash: string; now: number }): EndpointRecord;
  listEndpoints(request: PageRequest & { name?: string | undefined }): Page<EndpointRecord>;
  getEndpoint(request: { owner: string; id: string }): EndpointRecord;
  /** Revokes its token and cancels its tasks: some at once, the rest by {@link StoreVerbs.sweep}. */
  deleteEndpoint(request: { owner: string; id: string; now: number }): null;

  // Tasks, as users see them.

  /**
   * All or none. Same idempotency key and content: the task there is.
   * @throws `not-found`, `idempotency-conflict`, `arguments-invalid`, each with the path of the task in the batch
   */
  submit(request: { owner: string; now: number; tasks: TaskToSubmit[] }): TaskRecord[];
  /** As {@link submit}, for those who only need the ids: records of a large batch cost more than its submission. */
  submitForIds(request: { owner: string; now: number; tasks: TaskToSubmit[] }): string[];
  getTask(request: { owner: string; id: string; now: number }): TaskRecord;
  listTasks(
    request: PageRequest & {
      now: number;
      state?: TaskState | undefined;
      function?: string | undefined;
      endpoint?: string | undefined;
    },
  ): Page<TaskRecord>;
  /** @throws `task-ended` unless it runs, waits or is cancelled */
  cancel(request: { owner: string; id: string; now: number }): TaskRecord;
  history(request: { owner: string; id: string }): HistoryEntry[];
  /** @throws `task-not-ended` */
  result(request: { owner: string; id: string }): Omit<TaskResult, 'value'> & { value?: StoredValue };
  output(request: { owner: string; id: string; from: number }): TaskOutput;

  // Blobs. The bytes are elsewhere; the store knows what there is and who may read it.

  /** Records bytes that are in place, and lets `holder` (a principal or an endpoint) read them. */
  addBlob(request: { digest: string; size: number; holder: string; now: number }): null;
  /** Its size, or null when it is not there for this holder. Who asks is about to name it: its grace begins anew. */
  findBlob(request: { digest: string; holder: string; now: number }): number | null;
  /** Which of these digests are recorded. */
  knownBlobs(request: { digests: string[] }): string[];
  /**
   * Looks through up to `limit` blobs in the order of their digests, from `after` on, for those that nothing refers to
   * and whose grace is over. `next`: where to go on; absent at the end.
   */
  unusedBlobs(request: { now: number; after: string; limit: number }): { digests: string[]; next?: string };
  /** Forgets a blob, if it still is unused. The caller then deletes its bytes. */
  forgetBlob(request: { digest: string; now: number }): boolean;

  // Sessions of agents.

  /**
   * Takes the endpoint over (epoch + 1). Before it claims anything, the new session compares what its agent has with
   * what it should have, in steps: {@link StoreVerbs.reconcile} for all the agent has, then {@link StoreVerbs.reclaim}
   * for those of {@link StoreVerbs.held} that were not among them.
   * @throws `token-invalid` when the token was revoked since the socket was opened with it
   */
  openSession(request: {
    endpoint: string;
    tokenHash: string;
    session: string;
    now: number;
    leaseMs: number;
    host: HostInfo;
    workers: WorkerCounts;
  }): { epoch: number };
  /** Which of these attempts of the agent are still wanted. */
  reconcile(
    request: SessionRef & { now: number; have: readonly (readonly [string, number, Phase])[] },
  ): Reconciliation | Superseded;
  /** Up to `limit` attempts in the hands of the endpoint's agent, oldest task first. `next`: `after` of what follows. */
  held(request: SessionRef & { after: number; limit: number }): { attempts: AttemptRef[]; next?: number } | Superseded;
  /**
   * Attempts that the agent does not have: those that had not started are to be sent again, the others are lost. What
   * would go beyond `room` bytes (absent: any number) goes back to the queue instead, as if it had not been claimed.
   */
  reclaim(
    request: SessionRef & { now: number; attempts: readonly AttemptRef[]; room?: number },
  ): Dispatch[] | Superseded;
  /** Renews the lease. */
  beat(request: SessionRef & { now: number; leaseMs: number }): boolean;
  setStatus(request: SessionRef & { now: number; workers: WorkerCounts; problem?: string | undefined }): boolean;
  /**
   * Leases up to `limit` queued tasks, each as its next attempt, and stops soon after `room` bytes (absent: any number).
   * `more`: it stopped there. `nextAt`: when the next one of those that pause is due.
   */
  claim(
    request: SessionRef & { now: number; limit: number; room?: number },
  ): { tasks: Dispatch[]; more: boolean; nextAt?: number | undefined } | Superseded;
  /** `startedAt` is taken as not before the claim. */
  start(request: SessionRef & { now: number; attempts: (AttemptRef & { startedAt: number })[] }): boolean;
  preparing(request: SessionRef & AttemptRef & { now: number; text: string }): boolean;
  /** One answer per attempt. */
  complete(request: SessionRef & { now: number; results: EndedAttempt[] }): EndAnswer[] | Superseded;
  /** Attempts that are gone without a result. */
  lose(
    request: SessionRef & { now: number; attempts: (AttemptRef & { reason: string; workerDied: boolean })[] },
  ): boolean;
  /** Keeps the tail. Returns the owner of each chunk's task, or null when its attempt is not current. */
  appendOutput(
    request: SessionRef & {
      chunks: (AttemptRef & Pick<OutputChunk, 'seq' | 'at' | 'stream'> & { type?: ContentType; bytes: Uint8Array })[];
    },
  ): (string | null)[] | Superseded;
  /** The agent stopped in order: up to `limit` of what it holds is put back at once; without `more`, it is offline then. */
  release(request: SessionRef & { now: number; limit: number }): { more: boolean } | Superseded;
  /** The socket is gone; the lease goes on. */
  closeSession(request: SessionRef & { now: number }): boolean;

  // Time.

  /** After a start of the broker: nobody is connected, and no lease ends because the broker was away. */
  recover(request: { now: number; leaseMs: number }): null;
  /** The clock was set back: no lease and no pause before a next attempt ends later than one that begins now. */
  setBack(request: { now: number; leaseMs: number }): null;
  /**
   * Ends what is past its deadline, and takes back what lapsed leases hold, in two passes: the first marks a lapsed
   * lease, the next one takes the tasks. Returns the endpoints whose lease lapsed now, and whether there is more to do.
   */
  sweep(request: { now: number; limit: number }): { lapsed: SessionRef[]; more: boolean };

  /**
   * Deletes up to `limit` tasks whose retention is over, with everything that belongs to them, those that ended first
   * before others; then deleted functions and endpoints that no task names any more. Returns whether there is more.
   */
  purge(request: { now: number; limit: number }): { tasks: number; more: boolean };

  // Events.

  /** Up to `limit` events after a number. */
  events(request: { owner: string; after: number; limit: number; now: number }): EventBatch;
  /**
   * The newest number, and the oldest one after which everything is still there. Tasks that were purged leave no event:
   * who saw their end knows when they go, and who did not is below this number.
   */
  eventRange(request: { owner: string }): { head: number; floor: number };
}

export type Verb = keyof StoreVerbs;

export type BrokerStore = {
  [V in Verb]: (request: Parameters<StoreVerbs[V]>[0]) => Promise<ReturnType<StoreVerbs[V]>>;
} & {
  /** Called after each commit that changed something, in their order, in a later turn than its promises. */
  onCommit(listener: (notice: CommitNotice) => void): void;
  /** Resolves when the store can not go on: what it is asked from then on fails with `broker-stopping`. */
  readonly failed: Promise<RunaboutError>;
  /** Flushes and closes. Verbs called later are refused with `broker-stopping`. */
  close(): Promise<void>;
};
