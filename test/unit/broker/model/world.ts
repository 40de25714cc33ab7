import type {
  AttemptRef,
  CommitNotice,
  EndedAttempt,
  SessionRef,
  StorePolicy,
  StoreVerbs,
  Verb,
} from '../../../../broker/store/contract.ts';
import { SqliteEngine } from '../../../../broker/store/sqlite/engine.ts';
import type { Have } from '../../../../protocol/broker-agent/messages.ts';
import { RunaboutError } from '../../../../protocol/errors/error.ts';
import { HOST, WORKERS } from '../../../support/raw-agent.ts';
import { type Connection, type Flaws, ModelAgent, type Result, type ToBroker } from './agent.ts';
import type { Ledger, Progress } from './ledger.ts';

export type Ask = <V extends Verb>(verb: V, request: Parameters<StoreVerbs[V]>[0]) => ReturnType<StoreVerbs[V]>;

/** How a broken broker or agent differs from the real one. */
export interface Mutation {
  flaws?: Flaws;
  /** Stands between the broker and its store. */
  store?(real: Ask): Ask;
}

export const leaseMs = 1_000;
export const retentionMs = 5_000;
const policy: StorePolicy = {
  retryFirstMs: 100,
  retryMostMs: 400,
  lossGraceMs: 3_000,
  poisonDeaths: 2,
  eventsKept: 99,
  retentionMs,
  uploadGraceMs: retentionMs,
};
const digest = 'a'.repeat(64);
const timings = { loadMs: 0, runMs: 1, agentMs: 1 };

/** A submission, as a client means it. */
export interface Order {
  endpoint: number;
  maxAttempts: number;
  key?: string | undefined;
  content: string;
  deadlineMs?: number | undefined;
}

/**
 * A broker without sockets around the real store, two endpoints with an agent each, and clients. One thread, one clock,
 * nothing by chance: the same actions make the same history.
 */
export class World {
  readonly ledger: Ledger = [];
  readonly agents: ModelAgent[];
  readonly owner: string;
  /** Reads the store as it is, whatever stands between it and the broker. */
  readonly read: Ask;
  now = 1_000_000;
  readonly #engine = new SqliteEngine(':memory:', policy);
  readonly #ask: Ask;
  readonly #connections = new Set<Connection>();
  #tasks: string[] = [];
  #submissions = 0;
  #notice: CommitNotice = { heads: {}, ended: [], ready: [], cancels: [] };

  constructor(mutation: Mutation = {}) {
    this.read = (verb, request) => {
      const { replies, notice } = this.#engine.run([{ verb, request }]);
      this.#notice = notice;
      const reply = replies[0]!;
      if (!reply.ok) throw reply.error;
      return reply.value as never;
    };
    const { now } = this;
    this.owner = this.read('setOwner', { id: 'owner', name: 'owner', tokenHash: 'owner', now }).id;
    this.read('addBlob', { digest, size: 10, holder: this.owner, now });
    const details = { kind: 'sync' } as const;
    this.read('registerFunction', { owner: this.owner, id: 'f', now, name: 'f', digest, details });
    this.agents = ['lab', 'cloud'].map(id => {
      this.read('createEndpoint', { owner: this.owner, id, now, name: id, tokenHash: id });
      return new ModelAgent(id, {
        ledger: this.ledger,
        leaseMs,
        now: () => this.now,
        flaws: mutation.flaws ?? {},
      });
    });
    this.#ask = mutation.store?.(this.read) ?? this.read;
  }

  close(): void {
    this.#engine.close();
  }

  submit({ endpoint, maxAttempts, key, content, deadlineMs }: Order): void {
    const id = `task-${++this.#submissions}`;
    const bytes = Buffer.from(content);
    try {
      const [task] = this.#ask('submit', {
        owner: this.owner,
        now: this.now,
        tasks: [
          {
            id,
            function: { id: 'f' },
            endpoint: this.agents[endpoint]!.endpoint,
            args: { type: 'application/json', size: bytes.length, bytes },
            maxAttempts,
            priority: 0,
            ...(key === undefined ? {} : { idempotencyKey: key, contentDigest: content }),
            ...(deadlineMs === undefined ? {} : { deadline: this.now + deadlineMs }),
          },
        ],
      });
      if (task!.id === id) this.#tasks.push(id);
      this.ledger.push({
        what: 'submitted',
        task: task!.id,
        maxAttempts,
        content,
        ...(key === undefined ? {} : { key }),
      });
    } catch (error) {
      if (!(error instanceof RunaboutError) || error.code !== 'idempotency-conflict' || key === undefined) throw error;
      this.ledger.push({ what: 'refused', key, content });
    }
  }

  cancel(choice: number): void {
    const id = this.#tasks[choice % this.#tasks.length];
    if (!id) return;
    try {
      this.#ask('cancel', { owner: this.owner, id, now: this.now });
    } catch (error) {
      if (!(error instanceof RunaboutError) || error.code !== 'task-ended') throw error;
    }
    for (const { endpoint, task, attempt } of this.#notice.cancels) {
      this.#current(endpoint)?.toAgent.push({ t: 'cancel', task, attempt });
    }
  }

  /** The agent says hello on a new connection, and the broker takes it. */
  connect(agent: ModelAgent): void {
    if (!agent.isUp) return;
    agent.connected(this.#open(agent.endpoint, agent.have(), false));
  }

  /** Somebody takes the endpoint over with a copy of its token, takes tasks, runs none, and leaves. */
  intrude(agent: ModelAgent): void {
    const connection = this.#open(agent.endpoint, [], true);
    this.claim(agent, 2);
    connection.left = true;
  }

  /** The broker gives the agent's newest connection up to `limit` tasks. */
  claim(agent: ModelAgent, limit: number): void {
    const connection = this.#current(agent.endpoint);
    if (!connection) return;
    const claimed = this.#ask('claim', { ...connection.ref, now: this.now, limit });
    if (claimed === 'superseded') {
      this.#supersede(connection);
      return;
    }
    for (const { task, attempt } of claimed.tasks) connection.toAgent.push({ t: 'task', task, attempt });
  }

  /** The broker reads up to `limit` messages of each connection with this agent, those that it left among them. */
  toBroker(agent: ModelAgent, limit: number): void {
    for (const connection of [...this.#connections]) {
      if (connection.ref.endpoint !== agent.endpoint) continue;
      const messages = connection.toBroker.splice(0, limit);
      messages.forEach((message, i) => {
        if (this.#connections.has(connection)) this.#take(connection, message, messages[i - 1], messages[i + 1]);
      });
      if (connection.left && connection.toBroker.length === 0 && this.#connections.delete(connection)) {
        this.#ask('closeSession', { ...connection.ref, now: this.now });
      }
    }
  }

  /** The agent reads up to `limit` messages. */
  toAgent(agent: ModelAgent, limit: number): void {
    const { connection } = agent;
    if (!connection) return;
    for (const message of connection.toAgent.splice(0, limit)) {
      if (agent.connection === connection) agent.take(message);
    }
    if (agent.connection === connection && connection.left) agent.disconnected();
  }

  /** The broker stops and starts: all connections break, what was on its way is gone. */
  restartBroker(): void {
    for (const agent of this.agents) agent.disconnected();
    this.#connections.clear();
    this.#ask('recover', { now: this.now, leaseMs });
    for (const { endpoint } of this.agents) this.ledger.push({ what: 'leased', endpoint, until: this.now + leaseMs });
  }

  sweep(): void {
    for (let more = true; more; ) {
      const swept = this.#ask('sweep', { now: this.now, limit: 100 });
      for (const { endpoint, epoch } of swept.lapsed) {
        for (const connection of [...this.#connections]) {
          if (connection.ref.endpoint === endpoint && connection.ref.epoch === epoch) this.#drop(connection);
        }
      }
      more = swept.more;
    }
  }

  /** The broker deletes what it keeps no longer. */
  purge(): void {
    while (this.#ask('purge', { now: this.now, limit: 2 }).more);
    this.#tasks = this.#tasks.filter(id => this.#progress(id));
    this.ledger.push({ what: 'purged', at: this.now });
  }

  #open(endpoint: string, have: Have, foreign: boolean): Connection {
    const { now } = this;
    const opened = this.#ask('openSession', {
      endpoint,
      tokenHash: endpoint,
      session: `session-${this.ledger.length}`,
      now,
      leaseMs,
      host: HOST,
      workers: WORKERS,
    });
    const { epoch } = opened;
    const { drop, resend, cancels } = this.#reconcile({ endpoint, epoch }, have);
    const connection: Connection = { ref: { endpoint, epoch }, toBroker: [], toAgent: [], left: false };
    this.#connections.add(connection);
    this.ledger.push(
      { what: 'welcomed', endpoint, epoch, foreign },
      { what: 'leased', endpoint, until: now + leaseMs },
    );
    connection.toAgent.push({ t: 'welcome', drop, sentAt: now });
    for (const { task, attempt } of resend) connection.toAgent.push({ t: 'task', task, attempt });
    for (const { task, attempt } of cancels) connection.toAgent.push({ t: 'cancel', task, attempt });
    return connection;
  }

  /** As `broker/sessions/reconcile.ts` does it, in steps of two. */
  #reconcile(ref: SessionRef, have: Have) {
    const { now } = this;
    const all = { drop: [] as [string, number][], resend: [] as AttemptRef[], cancels: [] as AttemptRef[] };
    for (let at = 0; at < have.length; at += 2) {
      const answer = current(this.#ask('reconcile', { ...ref, now, have: have.slice(at, at + 2) }));
      all.drop.push(...answer.drop);
      all.cancels.push(...answer.cancels);
    }
    for (let after: number | undefined = 0; after !== undefined; ) {
      const held: { attempts: AttemptRef[]; next?: number } = current(this.#ask('held', { ...ref, after, limit: 2 }));
      const attempts = held.attempts.filter(({ task, attempt }) => !have.some(h => h[0] === task && h[1] === attempt));
      all.resend.push(...current(this.#ask('reclaim', { ...ref, now, attempts })));
      after = held.next;
    }
    return all;
  }

  /** As `broker/sessions/inbox.ts` does it: the start of an attempt goes with its end if they come together. */
  #take(connection: Connection, message: ToBroker, previous?: ToBroker, next?: ToBroker): void {
    const { ref } = connection;
    const { now } = this;
    switch (message.t) {
      case 'beat':
        if (!this.#ask('beat', { ...ref, now, leaseMs })) {
          this.#supersede(connection);
          return;
        }
        this.ledger.push({ what: 'leased', endpoint: ref.endpoint, until: now + leaseMs });
        connection.toAgent.push({ t: 'beat-ok', sentAt: message.sentAt });
        return;
      case 'bye':
        for (let more = true; more; ) {
          const released = this.#ask('release', { ...ref, now, limit: 2 });
          more = released !== 'superseded' && released.more;
        }
        this.#drop(connection);
        return;
      case 'started':
        if (next?.t === 'result' && isSame(next, message)) return;
        this.#watch(connection, message, () =>
          this.#ask('start', { ...ref, now, attempts: [{ ...message, startedAt: now }] }),
        );
        return;
      case 'lost': {
        const lost = { task: message.task, attempt: message.attempt, reason: 'x', workerDied: message.workerDied };
        const taken = this.#watch(connection, message, () => this.#ask('lose', { ...ref, now, attempts: [lost] }));
        if (taken) connection.toAgent.push({ t: 'settled', task: message.task, attempt: message.attempt });
        return;
      }
      case 'result':
        this.#result(connection, message, previous?.t === 'started' && isSame(previous, message));
    }
  }

  #result(connection: Connection, message: Result, started: boolean): void {
    const { task, attempt, outcome, value } = message;
    const bytes = Buffer.from(value);
    const ended: EndedAttempt = { task, attempt, outcome, timings, ...(started ? { startedAt: this.now } : {}) };
    if (outcome === 'succeeded') ended.value = { type: 'application/json', size: bytes.length, bytes };
    if (outcome === 'failed') ended.error = { code: 'function-threw', message: value };
    const answers = this.#watch(connection, message, () =>
      this.#ask('complete', { ...connection.ref, now: this.now, results: [ended] }),
    );
    if (!answers || answers === 'superseded' || answers[0] === 'queued') return;
    if (answers[0] === 'confirm' && outcome !== 'cancelled') {
      this.ledger.push({ what: 'confirmed', task, attempt, outcome, value });
    }
    connection.toAgent.push({ t: 'settled', task, attempt });
  }

  /** Writes down what a message did to the record of its task, if the broker took it. */
  #watch<T>(connection: Connection, { task, attempt }: AttemptRef, take: () => T): T {
    const before = this.#progress(task);
    const answer = take();
    if (answer === false || answer === 'superseded') {
      this.#supersede(connection);
      return answer;
    }
    const after = this.#progress(task);
    if (before && after) this.ledger.push({ what: 'taken', task, attempt, ...connection.ref, before, after });
    return answer;
  }

  #progress(id: string): Progress | undefined {
    if (!this.#tasks.includes(id)) return undefined;
    try {
      const { state, attempt } = this.read('getTask', { owner: this.owner, id, now: this.now });
      return { state, attempt, steps: this.read('history', { owner: this.owner, id }).length };
    } catch {
      return undefined;
    }
  }

  #supersede(connection: Connection): void {
    this.#connections.delete(connection);
    connection.toBroker = [];
    connection.toAgent.push({ t: 'superseded' });
  }

  /** The broker closes a connection. What it had said still arrives. */
  #drop(connection: Connection): void {
    this.#connections.delete(connection);
    connection.left = true;
    connection.toBroker = [];
    this.#ask('closeSession', { ...connection.ref, now: this.now });
  }

  #current(endpoint: string): Connection | undefined {
    return [...this.#connections].filter(({ ref }) => ref.endpoint === endpoint).at(-1);
  }
}

const isSame = (a: AttemptRef, b: AttemptRef) => a.task === b.task && a.attempt === b.attempt;

/** The answer to a session that cannot have been superseded yet. */
function current<T>(answer: T | 'superseded'): T {
  if (answer === 'superseded') throw new Error('A new session is superseded already.');
  return answer as T;
}
