import type { AttemptRef, SessionRef } from '../../../../broker/store/contract.ts';
import type { Have } from '../../../../protocol/broker-agent/messages.ts';
import type { Ledger } from './ledger.ts';

export interface Result extends AttemptRef {
  t: 'result';
  outcome: 'succeeded' | 'failed' | 'cancelled';
  value: string;
}
export type Lost = AttemptRef & { t: 'lost'; workerDied: boolean };
export type Ending = Result | Lost;
export type ToBroker = Ending | (AttemptRef & { t: 'started' }) | { t: 'beat'; sentAt: number } | { t: 'bye' };
export type ToAgent =
  | { t: 'welcome'; drop: readonly [string, number][]; sentAt: number }
  | { t: 'beat-ok'; sentAt: number }
  | (AttemptRef & { t: 'task' | 'cancel' | 'settled' })
  | { t: 'superseded' };

/** A connection: what was written at each end, and not read at the other. */
export interface Connection {
  ref: SessionRef;
  toBroker: ToBroker[];
  toAgent: ToAgent[];
  /** The agent has left it; the broker still reads what arrived before. */
  left: boolean;
}

/** Wrong ways to be an agent, for the proof of the checker. */
export interface Flaws {
  /** Forgets on each reconnect what it runs, and says nothing of it. */
  forgetsOnReconnect?: boolean;
  /** Deletes a result when it is sent, not when it is confirmed. */
  deletesOnSend?: boolean;
  /** Starts attempts whether it has a lease or not. */
  ignoresLease?: boolean;
  /** Forgets what it gives up when it says bye, whether the broker hears that or not. */
  forgetsBeforeBye?: boolean;
  /** Starts on what its journal has noted only after it said in a new session what it has. */
  startsUnsaid?: boolean;
  /** Tells a start once, even if nobody can hear it then. */
  tellsStartOnce?: boolean;
}

interface Attempt extends AttemptRef {
  stage: 'waiting' | 'started' | 'ended';
  journaled: boolean;
  /** A worker may have begun it. */
  begun: boolean;
  ending?: Ending;
}
interface Row extends AttemptRef {
  phase: 'accepted' | 'started' | 'ended';
  ending?: Ending;
}
/** A function that runs, or whose result the manager keeps until it is in the journal. */
interface Run {
  number: number;
  outcome?: 'succeeded' | 'failed';
}

export interface Surroundings {
  ledger: Ledger;
  leaseMs: number;
  now(): number;
  flaws: Flaws;
}

/**
 * An agent by the rules of `agent/tasks/attempts.ts`, without its processes and disks. Workers outlive the agent; what
 * the journal did not commit is gone after a crash.
 */
export class ModelAgent {
  readonly endpoint: string;
  isUp = true;
  connection: Connection | undefined;
  #welcomed = false;
  #leaseUntil = 0;
  readonly #around: Surroundings;
  readonly #attempts = new Map<string, Attempt>();
  readonly #runs = new Map<string, Run>();
  readonly #journal = new Map<string, Row>();
  readonly #said: ToBroker[] = [];
  #unwritten: { row: Row; after: () => void }[] = [];

  constructor(endpoint: string, around: Surroundings) {
    this.endpoint = endpoint;
    this.#around = around;
  }

  have(): Have {
    if (this.#around.flaws.forgetsOnReconnect) {
      this.#attempts.clear();
      this.#journal.clear();
      this.#unwritten = [];
    }
    for (const attempt of this.#attempts.values()) {
      if (!attempt.journaled && !this.#around.flaws.startsUnsaid) this.#attempts.delete(attempt.task);
    }
    return [...this.#attempts.values()]
      .filter(({ journaled }) => journaled)
      .map(({ task, attempt, begun, ending }) => {
        const phase = ending?.t === 'result' ? 'ended' : ending || begun ? 'started' : 'accepted';
        return [task, attempt, phase];
      });
  }

  connected(connection: Connection): void {
    this.disconnected();
    this.connection = connection;
  }

  disconnected(): void {
    if (this.connection) this.connection.left = true;
    this.connection = undefined;
    this.#welcomed = false;
  }

  take(message: ToAgent): void {
    switch (message.t) {
      case 'welcome':
        this.#welcomed = true;
        this.#renewed(message.sentAt);
        for (const [task, attempt] of message.drop) this.#settled(task, attempt);
        this.tellEndings();
        // It may have started between hello and welcome.
        for (const attempt of this.#attempts.values()) {
          if (attempt.stage === 'started' && attempt.begun && !this.#around.flaws.tellsStartOnce) {
            this.#send({ ...refOf(attempt), t: 'started' });
          }
        }
        return;
      case 'beat-ok':
        this.#renewed(message.sentAt);
        return;
      case 'task':
        this.#task(message);
        return;
      case 'cancel':
        this.#cancel(message);
        return;
      case 'settled':
        this.#settled(message.task, message.attempt);
        return;
      case 'superseded':
        this.crash(false);
        return;
    }
  }

  beat(): void {
    this.#send({ t: 'beat', sentAt: this.#around.now() });
  }

  /** The journal commits what was written, and then all goes on that had waited for it. */
  sync(): void {
    const written = this.#unwritten;
    this.#unwritten = [];
    for (const { row } of written) this.#journal.set(row.task, row);
    for (const { after } of written) after();
  }

  /** Starts one of the attempts that wait, as soon as the journal has noted it. */
  start(choice: number): void {
    const waiting = [...this.#attempts.values()].filter(({ stage }) => stage === 'waiting');
    const attempt = waiting[choice % waiting.length];
    const { flaws, ledger, now } = this.#around;
    if (!attempt || (now() >= this.#leaseUntil && !flaws.ignoresLease)) return;
    attempt.stage = 'started';
    this.#write(attempt, () => {
      if (attempt.stage !== 'started') return;
      if (now() >= this.#leaseUntil && !flaws.ignoresLease) {
        attempt.stage = 'waiting';
        return;
      }
      attempt.begun = true;
      this.#send({ t: 'started', task: attempt.task, attempt: attempt.attempt });
      const number = ledger.length;
      this.#runs.set(attempt.task, { number });
      ledger.push({ what: 'began', task: attempt.task, run: number, endpoint: this.endpoint, at: now() });
    });
  }

  /** One of the functions comes to its end, whether the agent is there or not. */
  finish(choice: number, outcome: 'succeeded' | 'failed'): void {
    const [task, run] = this.#choose(choice);
    if (!task || !run) return;
    run.outcome = outcome;
    this.#around.ledger.push({ what: 'finished', task, run: run.number });
    this.#collect(task, run);
  }

  /** A worker dies with the function it runs. */
  workerDies(choice: number): void {
    const [task] = this.#choose(choice);
    if (task) {
      this.#kill(task);
      const attempt = this.#attempts.get(task);
      if (attempt?.stage === 'started') this.#end(attempt, { ...refOf(attempt), t: 'lost', workerDied: true });
    }
  }

  /** Says again how attempts ended. */
  tellEndings(): void {
    for (const { ending } of this.#attempts.values()) if (ending && this.#isSettledOnDisk(ending)) this.#tell(ending);
  }

  /** Says again something that it once said of an attempt, as a network that repeats frames would. */
  repeat(choice: number): void {
    const message = this.#said.at(-1 - choice);
    if (message) this.#send(message);
  }

  /** @param machine every function is gone too */
  crash(machine: boolean): void {
    this.isUp = false;
    this.disconnected();
    this.#leaseUntil = 0;
    this.#attempts.clear();
    this.#unwritten = [];
    if (machine) for (const task of [...this.#runs.keys()]) this.#kill(task);
  }

  restart(): void {
    this.isUp = true;
    for (const { phase, ending, task, attempt } of [...this.#journal.values()]) {
      if (phase === 'accepted') this.#journal.delete(task);
      else
        this.#attempts.set(task, {
          task,
          attempt,
          stage: phase,
          journaled: true,
          begun: true,
          ...(ending ? { ending } : {}),
        });
    }
    for (const task of [...this.#runs.keys()]) if (this.#attempts.get(task)?.stage !== 'started') this.#kill(task);
    for (const attempt of this.#attempts.values()) {
      if (attempt.stage !== 'started') continue;
      const run = this.#runs.get(attempt.task);
      if (!run) this.#end(attempt, { ...refOf(attempt), t: 'lost', workerDied: false });
      else if (run.outcome) this.#collect(attempt.task, run);
    }
  }

  /**
   * Stops in order. What had started stays in the journal: if nobody hears the goodbye, the next agent says that it is
   * lost.
   */
  bye(): void {
    this.sync();
    for (const attempt of [...this.#attempts.values()]) {
      this.#kill(attempt.task);
      const forgets = attempt.stage === 'waiting' || this.#around.flaws.forgetsBeforeBye;
      if (forgets && attempt.stage !== 'ended') this.#forget(attempt);
    }
    this.#send({ t: 'bye' });
    this.crash(true);
  }

  #task({ task, attempt: number }: AttemptRef): void {
    const known = this.#attempts.get(task);
    if (!known || (known.ending?.t === 'lost' && number > known.attempt)) {
      const attempt: Attempt = { task, attempt: number, stage: 'waiting', journaled: false, begun: false };
      this.#attempts.set(task, attempt);
      this.#write(attempt, () => {});
      return;
    }
    if (number < known.attempt) return;
    // A later attempt of what is here already is adopted.
    known.attempt = number;
    if (known.ending) known.ending = { ...known.ending, attempt: number };
    this.#write(known, () => {
      if (known.ending) this.#tell(known.ending);
      else if (known.stage === 'started') this.#send({ t: 'started', task, attempt: known.attempt });
    });
  }

  #cancel({ task, attempt: number }: AttemptRef): void {
    const attempt = this.#attempts.get(task);
    if (attempt?.attempt !== number) {
      this.#send({ t: 'lost', task, attempt: number, workerDied: false });
      return;
    }
    if (attempt.ending) {
      this.#tell(attempt.ending);
      return;
    }
    this.#kill(task);
    this.#end(attempt, { ...refOf(attempt), t: 'result', outcome: 'cancelled', value: '' });
  }

  #settled(task: string, number: number): void {
    const attempt = this.#attempts.get(task);
    if (attempt?.attempt !== number) return;
    if (attempt.stage === 'started') this.#kill(task);
    this.#forget(attempt);
  }

  /** Takes a result from the manager, which keeps it until the journal has it. */
  #collect(task: string, { number, outcome }: Run): void {
    if (!this.isUp || !outcome) return;
    const attempt = this.#attempts.get(task);
    if (attempt?.stage !== 'started') {
      this.#runs.delete(task);
      return;
    }
    const ending: Result = { ...refOf(attempt), t: 'result', outcome, value: JSON.stringify({ run: number }) };
    this.#end(attempt, ending, () => this.#runs.delete(task));
  }

  #end(attempt: Attempt, ending: Ending, journaled = () => {}): void {
    attempt.stage = 'ended';
    attempt.ending = ending;
    // A result is told before it is in the journal: the manager keeps it until then.
    if (ending.t === 'result') this.#send({ ...ending });
    this.#write(attempt, () => {
      journaled();
      if (attempt.ending) this.#tell(attempt.ending);
    });
  }

  #tell(ending: Ending): void {
    const wasSent = this.#welcomed;
    this.#send({ ...ending });
    const attempt = this.#attempts.get(ending.task);
    if (this.#around.flaws.deletesOnSend && wasSent && attempt) this.#forget(attempt);
  }

  #isSettledOnDisk(ending: Ending): boolean {
    const row = this.#journal.get(ending.task);
    return row?.phase === 'ended' && row.attempt === ending.attempt;
  }

  #write(attempt: Attempt, after: () => void): void {
    const { stage, ending } = attempt;
    const phase = stage === 'waiting' ? 'accepted' : stage;
    this.#unwritten.push({
      row: { ...refOf(attempt), phase, ...(ending ? { ending } : {}) },
      after: () => {
        if (this.#attempts.get(attempt.task) !== attempt) {
          if (!this.#attempts.has(attempt.task)) this.#journal.delete(attempt.task);
          return;
        }
        attempt.journaled = true;
        after();
      },
    });
  }

  #forget({ task }: AttemptRef): void {
    this.#attempts.delete(task);
    this.#journal.delete(task);
  }

  #kill(task: string): void {
    const run = this.#runs.get(task);
    if (!run) return;
    this.#runs.delete(task);
    this.#around.ledger.push({ what: 'killed', task, run: run.number });
  }

  #choose(choice: number): [string, Run] | [] {
    const running = [...this.#runs].filter(([, { outcome }]) => outcome === undefined);
    return running[choice % running.length] ?? [];
  }

  #renewed(sentAt: number): void {
    this.#leaseUntil = Math.max(this.#leaseUntil, sentAt + this.#around.leaseMs);
  }

  #send(message: ToBroker): void {
    if (!this.#welcomed) return;
    this.connection?.toBroker.push(message);
    if ('task' in message) this.#said.push(message);
  }
}

const refOf = ({ task, attempt }: AttemptRef): AttemptRef => ({ task, attempt });
