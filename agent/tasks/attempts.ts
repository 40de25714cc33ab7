import type { Logger } from 'pino';
import type { Holds, ManagerLost, ManagerOutput, ManagerResult } from '../../protocol/agent-manager/messages.ts';
import type { Have, Lost, Reconciled, Result, Task } from '../../protocol/broker-agent/messages.ts';
import type { RunaboutError } from '../../protocol/errors/error.ts';
import type { Id } from '../../protocol/ids.ts';
import type { BlobCache } from '../blobs/cache.ts';
import type { BrokerStore } from '../broker/store.ts';
import type { Journal } from '../journal/journal.ts';
import type { ManagerLink } from '../managers/manager-link.ts';
import { Attempt } from './attempt.ts';
import { type BrokerLine, Delivery } from './delivery.ts';
import { lostMessage, unrunMessage } from './endings.ts';
import { Inventory, NOTHING } from './inventory.ts';
import { Preparer } from './preparer.ts';
import { Scheduler } from './scheduler.ts';

export interface AttemptsOptions {
  journal: Journal;
  broker: BrokerLine;
  store: BrokerStore;
  cache: BlobCache;
  log: Logger;
  /** The number of tasks that run is another. */
  changed(): void;
}

/** How often waits are explained and output that was held back is sent, in milliseconds. */
const TICK_MS = 500;
const UNWANTED = 'It is not wanted any more.';

/**
 * Every attempt that this agent has taken, and what happens to it: accept, prepare, start on a manager, keep its ending
 * until the broker has settled it. What is acknowledged is in the journal first.
 *
 * There is at most one attempt per task here: a later attempt of a task that is still here is adopted, not run twice.
 */
export class Attempts {
  readonly #here: Inventory;
  readonly #journal: Journal;
  readonly #broker: BrokerLine;
  readonly #log: Logger;
  readonly #changed: () => void;
  readonly #preparer: Preparer;
  readonly #delivery: Delivery;
  readonly scheduler = new Scheduler();
  readonly #tick: NodeJS.Timeout;
  #stopping = false;

  constructor({ journal, broker, store, cache, log, changed }: AttemptsOptions) {
    this.#journal = journal;
    this.#broker = broker;
    this.#log = log;
    this.#changed = changed;
    this.#preparer = new Preparer(store, cache);
    this.#delivery = new Delivery(broker, store, log, attempt => this.#forget(attempt));
    this.#here = new Inventory(journal, cache);
    this.#tick = setInterval(() => this.#onTick(), TICK_MS);
  }

  /** Attempts that were started and have not ended. */
  get running(): number {
    return this.#here.running;
  }

  /** Results that the broker has not settled. */
  get undelivered(): number {
    return this.#here.undelivered;
  }

  /**
   * What a new session is told to be here. The rest is dropped: the broker was never told of it, and will send it again
   * or has given it up, so it must not start on what the journal notes only now.
   */
  hello(): Have {
    for (const attempt of this.#here) {
      if (attempt.journaled) continue;
      attempt.manager?.release(attempt);
      this.#here.drop(attempt);
      this.#preparer.release(attempt);
    }
    this.#changed();
    return this.#here.have();
  }

  // What the broker says.

  /** A new session: `drop` is not wanted any more, all else goes on, and what has ended is told again. */
  welcomed({ drop }: Reconciled): void {
    for (const [task, attempt] of drop) this.settled(task, attempt);
    this.scheduler.resetCredit();
    for (const attempt of this.#here) {
      this.#delivery.flush(attempt);
      if (attempt.stage === 'ended') this.#delivery.ending(attempt);
      else attempt.toldWaitText = '';
      // What started while there was no connection was told to nobody.
      if (attempt.mayHaveBegun) this.#delivery.started(attempt);
    }
    this.#next();
  }

  task(message: Task, payload: Uint8Array): void {
    this.scheduler.spendCredit();
    if (this.#stopping || this.#here.isOver(message.task, message.attempt)) return;
    const known = this.#here.get(message.task);
    if (known) this.#repeated(known, message, payload);
    else this.#take(message, payload);
  }

  cancel(task: Id, attempt: number, reason: string): void {
    const known = this.#here.get(task);
    if (!known || known.attempt !== attempt) {
      this.#broker.send({ t: 'lost', task, attempt, reason: 'The agent does not have it.', workerDied: false });
      return;
    }
    known.cancelled ??= reason;
    if (known.stage === 'ended') this.#delivery.ending(known);
    else if (known.stage === 'waiting') this.#endCancelled(known);
    else if (known.ranAs > 0) known.manager?.send({ t: 'cancel', task, attempt: known.ranAs, reason });
  }

  /** The broker has the ending, or does not want the attempt. */
  settled(task: Id, number: number): void {
    // failpoint: agent.confirm.received
    const attempt = this.#here.get(task);
    if (!attempt || attempt.attempt !== number) return;
    if (attempt.stage !== 'started') {
      this.#forget(attempt);
      return;
    }
    attempt.dropped = true;
    if (attempt.ranAs > 0) {
      attempt.manager?.send({ t: 'cancel', task, attempt: attempt.ranAs, reason: UNWANTED });
    }
  }

  // What managers say.

  attached(link: ManagerLink, holds: Holds): void {
    const held = new Map(holds);
    this.scheduler.attach(link);
    for (const attempt of this.#here) {
      if (attempt.stage !== 'started' || (attempt.manager && attempt.manager.id !== link.id)) continue;
      const ranAs = held.get(attempt.task);
      if (ranAs !== undefined) {
        held.delete(attempt.task);
        this.#reattach(attempt, link, ranAs);
      } else if (attempt.manager) {
        // It was on its way when the connection broke: the manager never saw it.
        attempt.manager = undefined;
        attempt.stage = 'waiting';
        this.scheduler.waitFirst(attempt);
      }
    }
    for (const [task, ranAs] of held) link.send({ t: 'cancel', task, attempt: ranAs, reason: UNWANTED });
    this.#next();
  }

  /** The connection of a manager broke. Its attempts go on; whether it lives is found out elsewhere. */
  detached(link: ManagerLink): void {
    this.scheduler.detach(link);
  }

  /** A manager is gone with all it held. */
  managerDied(id: Id): void {
    this.#lose(({ manager }) => manager?.id === id, 'The manager that ran it has died.');
  }

  /** No manager will come back for attempts of an agent before this one. */
  loseOrphans(): void {
    this.#lose(({ manager }) => !manager, 'The agent was restarted, and its worker is gone.');
  }

  output(link: ManagerLink, message: ManagerOutput, payload: Uint8Array): void {
    const attempt = this.#running(link, message.task, message.attempt);
    if (attempt && !attempt.dropped) this.#delivery.output(attempt, message, payload);
  }

  /**
   * A result whose value is a blob has it pinned in the cache already; it stays pinned until the ending is settled.
   * `false`: the result is not wanted.
   */
  result(link: ManagerLink, message: ManagerResult, payload: Uint8Array): boolean {
    const { task, attempt: ranAs, outcome, value, error, loadMs, runMs } = message;
    const attempt = this.#running(link, task, ranAs);
    if (!attempt) {
      link.keep(task, ranAs);
      return false;
    }
    this.scheduler.observe(attempt.digest, runMs + loadMs);
    const timings = { loadMs, runMs, agentMs: performance.now() - attempt.receivedAt };
    const ending: Result = { t: 'result', task, attempt: attempt.attempt, outcome, value, error, timings };
    this.#leave(attempt, link);
    // A payload is a view of a whole frame: what stays longer than the frame is copied.
    this.#end(attempt, ending, new Uint8Array(payload), () => link.keep(task, ranAs));
    return true;
  }

  lost(link: ManagerLink, { task, attempt: ranAs, reason, workerDied }: ManagerLost): void {
    const attempt = this.#running(link, task, ranAs);
    if (!attempt) {
      link.keep(task, ranAs);
      return;
    }
    this.#leave(attempt, link);
    // What a stop ends is given back as a whole, by giveUpStarted.
    if (this.#stopping && !workerDied) return;
    this.#end(attempt, lostMessage(attempt, reason, workerDied), NOTHING, () => link.keep(task, ranAs));
  }

  // The end of the agent.

  /** Takes and starts nothing more. What was not started is forgotten: the broker takes it back with `bye`. */
  stopStarting(): void {
    this.#stopping = true;
    for (const attempt of this.#here) if (attempt.stage === 'waiting') this.#forget(attempt);
  }

  /** All workers are gone. What they had not finished is forgotten in the same way. */
  giveUpStarted(): void {
    // An attempt that `bye` takes back counts only if the broker knows that it was started. Until it surely does, the
    // journal keeps the attempt: the next start of this agent then reports it lost, so that it is not run twice unseen.
    this.#delivery.tellStarts();
    const started = [...this.#here].filter(({ stage }) => stage === 'started');
    this.#broker.whenTaken(() => {
      for (const attempt of started) this.#forget(attempt);
    });
    this.#broker.beatNow();
  }

  close(): void {
    clearInterval(this.#tick);
  }

  // Within.

  #take(message: Task, payload: Uint8Array): void {
    // failpoint: agent.task.received
    const args = message.args.blob ? NOTHING : new Uint8Array(payload);
    const attempt = new Attempt(message.task, message.attempt, message.digest, message, args);
    this.#here.add(attempt);
    // What can start at once is accepted and started in one commit.
    if (this.#preparer.prepareNow(attempt)) {
      if (this.scheduler.isClear && this.#start(attempt)) return;
      attempt.waitText = 'Waiting for a free worker.';
      this.scheduler.wait(attempt);
    } else {
      void this.#prepare(attempt);
    }
    this.#journal.put(attempt.task, attempt.attempt, 'accepted', attempt.digest, () => this.#accepted(attempt));
  }

  async #prepare(attempt: Attempt): Promise<void> {
    const isWanted = () => attempt.stage === 'waiting' && this.#here.has(attempt);
    try {
      if (!(await this.#preparer.prepare(attempt, isWanted))) return;
      this.scheduler.wait(attempt);
      this.#next();
    } catch (error) {
      if (!isWanted()) return;
      const { code, explained } = error as RunaboutError;
      const why = { code: 'bundle-not-loadable', message: `${explained} (${code})` };
      this.#end(attempt, unrunMessage(attempt, 'failed', why), NOTHING);
    }
  }

  /** The broker sends a task that is here: it missed an answer, or gave the task a new attempt. */
  #repeated(known: Attempt, message: Task, payload: Uint8Array): void {
    if (message.attempt < known.attempt) return;
    if (message.attempt > known.attempt) {
      if (known.ending?.message.t === 'lost') {
        this.#forget(known);
        this.#take(message, payload);
        return;
      }
      this.#log.info({ task: known.task, attempt: message.attempt }, 'A later attempt is adopted.');
      known.attempt = message.attempt;
      known.dropped = false;
      if (known.ending) known.ending.message.attempt = message.attempt;
    }
    if (known.ending) {
      this.#journal.end(known.task, known.attempt, known.digest, known.ending, () => {
        this.#accepted(known);
        this.#delivery.ending(known);
      });
      return;
    }
    const phase = known.stage === 'started' ? 'started' : 'accepted';
    this.#journal.put(known.task, known.attempt, phase, known.digest, () => {
      this.#accepted(known);
      if (phase === 'started') this.#delivery.started(known);
    });
  }

  /** Starts what can be started, and asks the broker for more. */
  #next(): void {
    this.scheduler.offer(attempt => this.#start(attempt));
    if (this.#stopping || !this.#broker.isConnected) return;
    const add = this.scheduler.takeCredit(this.#here.open);
    if (add > 0) this.#broker.send({ t: 'credit', add });
  }

  /** Hands an attempt to a manager, once it is in the journal as started. `false` if none takes it now. */
  #start(attempt: Attempt): boolean {
    if (this.#stopping || !this.#broker.hasLease) return false;
    const link = this.scheduler.assign(attempt);
    if (!link) return false;
    attempt.stage = 'started';
    this.#changed();
    this.#journal.put(attempt.task, attempt.attempt, 'started', attempt.digest, () => this.#run(attempt, link));
    return true;
  }

  #run(attempt: Attempt, link: ManagerLink): void {
    // failpoint: agent.start.journaled
    if (!this.#here.has(attempt)) return;
    // That it is here the start says as well.
    attempt.journaled = true;
    if (attempt.stage !== 'started' || attempt.manager !== link) return;
    if (attempt.cancelled !== undefined || attempt.dropped) {
      this.#leave(attempt, link);
      this.#endCancelled(attempt);
      return;
    }
    if (!this.#broker.hasLease) {
      // The commit took longer than the lease had left: the broker may have given the task up.
      this.#startLater(attempt, link);
      return;
    }
    this.#delivery.started(attempt);
    const { task, request, args } = attempt;
    attempt.ranAs = attempt.attempt;
    const { digest, mapDigest, name, kind, timeoutMs, alone } = request!;
    const run = { t: 'run', task, attempt: attempt.ranAs, type: request!.args.type, timeoutMs, alone } as const;
    link.run(run, args, { digest, mapDigest, name, kind });
    // failpoint: agent.run.sent
  }

  /** Takes back a start that the manager does not know of. It goes before all that waits. */
  #startLater(attempt: Attempt, link: ManagerLink): void {
    link.release(attempt);
    attempt.manager = undefined;
    attempt.stage = 'waiting';
    this.scheduler.waitFirst(attempt);
    this.#changed();
  }

  #accepted(attempt: Attempt): void {
    if (!this.#here.has(attempt)) return;
    attempt.journaled = true;
    // failpoint: agent.accept.sending
    this.#delivery.accepted(attempt);
    // failpoint: agent.accept.sent
  }

  #reattach(attempt: Attempt, link: ManagerLink, ranAs: number): void {
    attempt.manager = link;
    attempt.ranAs = ranAs;
    link.hold(attempt);
    const reason = attempt.dropped ? UNWANTED : attempt.cancelled;
    if (reason) link.send({ t: 'cancel', task: attempt.task, attempt: ranAs, reason });
  }

  #leave(attempt: Attempt, link: ManagerLink): void {
    link.release(attempt);
    this.#preparer.release(attempt);
    this.#changed();
  }

  #lose(which: (attempt: Attempt) => boolean, reason: string): void {
    for (const attempt of [...this.#here]) {
      if (attempt.stage !== 'started' || !which(attempt)) continue;
      if (attempt.manager) this.#leave(attempt, attempt.manager);
      this.#end(attempt, lostMessage(attempt, reason, false), NOTHING);
    }
  }

  #endCancelled(attempt: Attempt): void {
    const error = { code: 'task-cancelled', message: attempt.cancelled ?? UNWANTED };
    this.#end(attempt, unrunMessage(attempt, 'cancelled', error), NOTHING);
  }

  /**
   * Journals an ending and tells it. A result that its manager holds until `kept` is told at once: most are settled before
   * they would have to be written. A loss is not: after a crash this agent would take a later attempt for the lost one
   * that still runs, hear of the worker's death once more, and tell of two.
   */
  #end(attempt: Attempt, message: Result | Lost, payload: Uint8Array, kept?: () => void): void {
    if (attempt.stage === 'ended') return;
    const { task, attempt: number, digest } = attempt;
    const ending = { message, payload };
    this.#here.end(attempt, ending);
    this.#preparer.release(attempt);
    if (attempt.dropped) {
      this.#forget(attempt);
      kept?.();
    } else if (kept && message.t === 'result' && this.#broker.isConnected) {
      this.#journal.endUnlessForgotten(task, number, digest, ending, kept);
      this.#delivery.ending(attempt);
    } else {
      this.#journal.end(task, number, digest, ending, () => {
        attempt.journaled = true;
        // failpoint: agent.result.journaled
        kept?.();
        if (attempt.dropped) this.#forget(attempt);
        else this.#delivery.ending(attempt);
      });
    }
    this.#next();
  }

  #forget(attempt: Attempt): void {
    if (this.#here.forget(attempt)) this.#preparer.release(attempt);
  }

  #running(link: ManagerLink, task: Id, ranAs: number): Attempt | undefined {
    const attempt = this.#here.get(task);
    return attempt?.stage === 'started' && attempt.manager === link && attempt.ranAs === ranAs ? attempt : undefined;
  }

  #onTick(): void {
    for (const attempt of this.#here) {
      this.#delivery.flush(attempt);
      if (attempt.stage === 'waiting' && attempt.journaled) this.#delivery.wait(attempt);
    }
    // The lease may have come back.
    this.#next();
  }
}
