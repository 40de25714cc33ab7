import type { BrokerEvent } from '../../../../protocol/client-broker/events.ts';
import type { TaskRecord } from '../../../../protocol/client-broker/tasks.ts';
import { isTerminal } from '../../../../protocol/tasks/states.ts';
import type { Entry } from './ledger.ts';
import type { World } from './world.ts';

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'lease' | 'P5' | 'kept' | 'events';

/** A promise of the delivery design that a history broke. */
export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, text: string) {
    super(`${invariant}: ${text}`);
    this.invariant = invariant;
  }
}

interface Run {
  task: string;
  end?: 'finished' | 'killed';
}

/**
 * Checks the invariants from the ledger and from what the store lets anyone read, and from nothing else. `observe`
 * after each step; `conclude` when everything had its chance to end.
 */
export class Checker {
  readonly #world: World;
  #read = 0;
  readonly #submitted = new Map<string, number>();
  readonly #keys = new Map<string, { task: string; content: string }>();
  readonly #ended = new Map<string, string>();
  /** Until when the record of an ended task says that it is kept. */
  readonly #keptUntil = new Map<string, number>();
  readonly #purged = new Set<string>();
  readonly #confirmed = new Map<string, Extract<Entry, { what: 'confirmed' }>>();
  readonly #epochs = new Map<string, number>();
  /** How far the ledger was when somebody without the agent's journal last took the endpoint over. */
  readonly #foreign = new Map<string, number>();
  readonly #leases = new Map<string, number>();
  readonly #runs = new Map<number, Run>();
  #head = 0;

  constructor(world: World) {
    this.#world = world;
  }

  observe(): void {
    const { ledger } = this.#world;
    while (this.#read < ledger.length) this.#entry(ledger[this.#read++]!);
    this.#events();
  }

  /** Whether every acknowledged task has ended, as the events say. */
  get allEnded(): boolean {
    return this.#submitted.size === this.#ended.size;
  }

  /** @throws Violation also for a task that did not end, or not as the ledger says */
  conclude(): void {
    this.observe();
    const { owner, now } = this.#world;
    const { items } = this.#world.read('listTasks', { owner, limit: 1_000, now });
    const expected = this.#submitted.size - this.#purged.size;
    if (items.length !== expected) fail('I1', `${expected} tasks became ${items.length}`);
    for (const record of items) {
      const { id, state } = record;
      this.#record(record);
      if (!isTerminal(state)) fail('I1', `${id} is still ${state}`);
      const history = this.#world.read('history', { owner, id });
      const ends = history.filter(entry => isTerminal(entry.state));
      if (ends.length !== 1 || history.at(-1) !== ends[0]) fail('I2', `${id} has ${ends.length} ends`);
      history.reduce((attempt, entry) => {
        if (entry.attempt < attempt) fail('I5', `${id} went back from attempt ${attempt} to ${entry.attempt}`);
        return entry.attempt;
      }, 0);
    }
    for (const confirmed of this.#confirmed.values()) this.#stored(confirmed);
  }

  #entry(entry: Entry): void {
    switch (entry.what) {
      case 'submitted':
        this.#acknowledged(entry);
        return;
      case 'refused':
        if (this.#known(entry.key)?.content === entry.content) fail('P5', `${entry.key} was refused its own content`);
        return;
      case 'welcomed': {
        const { endpoint, epoch, foreign } = entry;
        if (epoch <= (this.#epochs.get(endpoint) ?? 0)) fail('I7', `${endpoint} gave epoch ${epoch} twice`);
        this.#epochs.set(endpoint, epoch);
        if (foreign) this.#foreign.set(endpoint, this.#read);
        return;
      }
      case 'leased':
        this.#leases.set(entry.endpoint, Math.max(entry.until, this.#leases.get(entry.endpoint) ?? 0));
        return;
      case 'began':
        this.#began(entry);
        return;
      case 'finished':
      case 'killed':
        this.#runs.get(entry.run)!.end = entry.what;
        return;
      case 'taken':
        this.#taken(entry);
        return;
      case 'purged':
        this.#purge(entry.at);
        return;
      case 'confirmed':
        this.#confirmed.set(entry.task, entry);
        this.#stored(entry);
    }
  }

  #acknowledged({ task, key, content, maxAttempts }: Extract<Entry, { what: 'submitted' }>): void {
    if (key !== undefined) {
      const known = this.#known(key);
      if (known && known.content !== content) fail('P5', `${key} was taken with another content`);
      if (known && known.task !== task) fail('P5', `${key} made ${known.task} and ${task}`);
      this.#keys.set(key, { task, content });
    }
    if (this.#submitted.has(task)) return;
    this.#submitted.set(task, maxAttempts);
    try {
      this.#world.read('getTask', { owner: this.#world.owner, id: task, now: this.#world.now });
    } catch {
      fail('I1', `${task} was acknowledged, and is not there`);
    }
  }

  /** What a key stands for: it is remembered as long as its task is kept. */
  #known(key: string): { task: string; content: string } | undefined {
    const known = this.#keys.get(key);
    return known && !this.#purged.has(known.task) ? known : undefined;
  }

  /** What is gone had ended and was kept as long as its record said; and what is over is gone. */
  #purge(at: number): void {
    const { owner, now } = this.#world;
    const there = new Set(this.#world.read('listTasks', { owner, limit: 1_000, now }).items.map(({ id }) => id));
    for (const id of this.#submitted.keys()) {
      if (this.#purged.has(id)) continue;
      const until = this.#keptUntil.get(id);
      const over = until !== undefined && until <= at;
      if (there.has(id) && over) fail('kept', `${id} is there at ${at}, and was kept until ${until}`);
      if (there.has(id)) continue;
      if (!over) fail('kept', `${id} is gone at ${at}, and was kept until ${until ?? 'its end'}`);
      this.#purged.add(id);
      this.#confirmed.delete(id);
    }
  }

  #began({ task, run, endpoint, at }: Extract<Entry, { what: 'began' }>): void {
    const earlier = [...this.#runs].filter(([, other]) => other.task === task);
    const most = this.#submitted.get(task);
    if (most !== undefined && earlier.length >= most) {
      fail(most === 1 ? 'I4' : 'I1', `${task} began ${earlier.length + 1} times of ${most}`);
    }
    // Stronger than "no outage shorter than a lease": an agent that has its journal adopts, however long it was away,
    // unless another session had the task meanwhile.
    const foreign = this.#foreign.get(endpoint) ?? 0;
    if (earlier.some(([began, { end }]) => end !== 'killed' && began >= foreign))
      fail('I6', `${task} began again, and nothing had stopped it`);
    if (this.#ended.has(task)) fail('I7', `${task} began after its end`);
    if (at >= (this.#leases.get(endpoint) ?? 0)) fail('lease', `${task} began on ${endpoint}, whose lease was over`);
    this.#runs.set(run, { task });
  }

  #taken({ task, attempt, endpoint, epoch, before, after }: Extract<Entry, { what: 'taken' }>): void {
    if (epoch !== this.#epochs.get(endpoint)) fail('I7', `a message of epoch ${epoch} was taken on ${endpoint}`);
    if (attempt === before.attempt) return;
    const changed = before.state !== after.state || before.attempt !== after.attempt || before.steps !== after.steps;
    if (changed) fail('I5', `attempt ${attempt} of ${task} changed a record at attempt ${before.attempt}`);
  }

  #record(record: TaskRecord): void {
    const end = this.#ended.get(record.id);
    if (end === undefined && !isTerminal(record.state)) return;
    const { state, attempt, endedAt, keptUntil, value, error } = record;
    const now = JSON.stringify({ state, attempt, endedAt, keptUntil, value, error });
    this.#keptUntil.set(record.id, keptUntil ?? 0);
    if (end !== undefined && end !== now) fail('I2', `${record.id} ended as ${end} and is now ${now}`);
    this.#ended.set(record.id, now);
  }

  /** A confirmed result is the stored one, byte for byte. */
  #stored({ task, attempt, outcome, value }: Extract<Entry, { what: 'confirmed' }>): void {
    const { owner, now } = this.#world;
    const { state } = this.#world.read('getTask', { owner, id: task, now });
    if (!isTerminal(state)) fail('I3', `the result of ${task} was confirmed, and it is ${state}`);
    const stored = this.#world.read('result', { owner, id: task });
    if (stored.attempt !== attempt) fail('I5', `attempt ${attempt} of ${task} was confirmed as ${stored.attempt}`);
    const text =
      stored.value && 'bytes' in stored.value ? Buffer.from(stored.value.bytes).toString() : stored.error?.message;
    if (stored.state !== outcome || text !== value) fail('I3', `${task} was confirmed with ${value}, and has ${text}`);
  }

  /** Reads on as a client does: each change of a task comes with a higher number. */
  #events(): void {
    const { owner, now } = this.#world;
    const { head } = this.#world.read('eventRange', { owner });
    if (head < this.#head) fail('events', `the newest number went back from ${this.#head} to ${head}`);
    if (head === this.#head) return;
    const { frame, through } = this.#world.read('events', { owner, after: this.#head, limit: 1_000, now });
    const events: BrokerEvent[] = JSON.parse(Buffer.from(frame).toString('utf8'));
    let last = this.#head;
    for (const event of events) {
      if (event.seq <= last || event.seq > head) fail('events', `${event.seq} came after ${last} of ${head}`);
      last = event.seq;
      if (event.t === 'task') this.#record(event.task);
    }
    if (through !== head) fail('events', `a page of all events ends at ${through}, not ${head}`);
    this.#head = head;
  }
}

function fail(invariant: Invariant, text: string): never {
  throw new Violation(invariant, text);
}
