import type { Logger } from 'pino';
import type { ManagerOutput } from '../../protocol/agent-manager/messages.ts';
import type { AgentMessage } from '../../protocol/broker-agent/messages.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { BrokerStore } from '../broker/store.ts';
import { blobOf } from '../journal/log.ts';
import type { Attempt } from './attempt.ts';
import { lostMessage } from './endings.ts';

/** The connection to the broker, as far as attempts need it. */
export interface BrokerLine {
  readonly isConnected: boolean;
  readonly hasLease: boolean;
  readonly isCongested: boolean;
  send(message: AgentMessage, payload?: Uint8Array): void;
  /** Calls back when the broker has surely taken all that was sent so far; never, if the connection breaks before. */
  whenTaken(call: () => void): void;
  beatNow(): void;
}

const UPLOAD_PAUSE_MS = 5_000;
/** A start is told this late, in milliseconds: most short attempts have ended by then, and the broker commits once. */
const TELL_START_MS = 50;

/** Tells the broker what came of attempts: their output, as far as it can be sent, and their endings, until settled. */
export class Delivery {
  readonly #broker: BrokerLine;
  readonly #store: BrokerStore;
  readonly #log: Logger;
  readonly #settled: (attempt: Attempt) => void;
  /** Started, and not told yet. */
  readonly #starts = new Set<Attempt>();
  #startsTimer: NodeJS.Timeout | undefined;

  /** @param settled the broker has this loss, which it does not confirm by a message */
  constructor(broker: BrokerLine, store: BrokerStore, log: Logger, settled: (attempt: Attempt) => void) {
    this.#broker = broker;
    this.#store = store;
    this.#log = log;
    this.#settled = settled;
  }

  accepted({ task, attempt }: Attempt): void {
    this.#broker.send({ t: 'accept', task, attempt });
  }

  started(attempt: Attempt): void {
    attempt.startedAt ||= performance.now();
    this.#starts.add(attempt);
    this.#startsTimer ??= setTimeout(() => this.tellStarts(), TELL_START_MS);
  }

  /** Tells every start that waits. Due before the broker takes back what has not started. */
  tellStarts(): void {
    clearTimeout(this.#startsTimer);
    this.#startsTimer = undefined;
    for (const attempt of this.#starts) this.#tellStart(attempt);
  }

  /** Before anything else is told about the attempt. */
  #tellStart(attempt: Attempt): void {
    if (!this.#starts.delete(attempt)) return;
    const { task, attempt: number, startedAt } = attempt;
    this.#broker.send({ t: 'started', task, attempt: number, ago: Math.round(performance.now() - startedAt) });
  }

  output(attempt: Attempt, message: ManagerOutput, payload: Uint8Array): void {
    this.#tellStart(attempt);
    if (this.#flows && attempt.spool.isEmpty) this.#broker.send({ ...message, attempt: attempt.attempt }, payload);
    else attempt.spool.add(message, new Uint8Array(payload));
  }

  /** Sends the output that was held back, if there is any. */
  flush(attempt: Attempt): void {
    if (attempt.spool.isEmpty || !this.#flows) return;
    for (const [message, payload] of attempt.spool.take()) {
      this.#broker.send({ ...message, attempt: attempt.attempt }, payload);
    }
  }

  /** Why an attempt has not started, when that is another reason than before. */
  wait(attempt: Attempt): void {
    const { task, attempt: number, waitText } = attempt;
    if (waitText === attempt.toldWaitText || !this.#broker.isConnected) return;
    attempt.toldWaitText = waitText;
    this.#broker.send({ t: 'preparing', task, attempt: number, text: waitText });
  }

  /** Tells how an attempt ended. It is told again after each reconnect, until the broker answers. */
  ending(attempt: Attempt): void {
    this.#tellStart(attempt);
    if (!this.#broker.isConnected || !attempt.ending) return;
    this.flush(attempt);
    const { message, payload } = attempt.ending;
    const blob = blobOf(attempt.ending);
    if (blob) {
      void this.#uploadFirst(attempt, blob);
      return;
    }
    // failpoint: agent.result.sending
    this.#broker.send(message, payload);
    // failpoint: agent.result.sent
    if (message.t === 'lost') {
      // A later attempt may have taken its place meanwhile.
      this.#broker.whenTaken(() => attempt.ending?.message === message && this.#settled(attempt));
    }
  }

  async #uploadFirst(attempt: Attempt, blob: string): Promise<void> {
    try {
      await this.#store.upload(blob);
    } catch (error) {
      const { message } = error as Error;
      this.#log.warn({ task: attempt.task, error: message }, 'A result could not be uploaded.');
      const ending = attempt.ending?.message;
      if (error instanceof RunaboutError && error.code === 'task-lost' && attempt.ending) {
        attempt.ending.message = lostMessage(attempt, message, false);
        this.ending(attempt);
        return;
      }
      if (error instanceof RunaboutError && error.code !== 'broker-unreachable' && ending?.t === 'result') {
        // The broker will not take it, however often it is sent.
        const { value: _, ...rest } = ending;
        attempt.ending!.message = { ...rest, outcome: 'failed', error: { code: 'result-too-large', message } };
        this.#broker.send(attempt.ending!.message);
        return;
      }
      setTimeout(() => this.ending(attempt), UPLOAD_PAUSE_MS).unref();
      return;
    }
    // The broker may have settled it in the meantime.
    if (attempt.ending) this.#broker.send(attempt.ending.message);
  }

  get #flows(): boolean {
    return this.#broker.isConnected && !this.#broker.isCongested;
  }
}
