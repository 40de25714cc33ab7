import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { WebSocket } from 'ws';
import { Batcher } from '../../protocol/batcher.ts';
import {
  type AgentMessage,
  BrokerMessage,
  type Have,
  PROTO,
  Reconciled,
  type Welcome,
} from '../../protocol/broker-agent/messages.ts';
import type { HostInfo, WorkerCounts } from '../../protocol/client-broker/endpoints.ts';
import { closeCodes, closeReason } from '../../protocol/close-codes.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { decodeFrame } from '../../protocol/frames.ts';
import { type Id, newId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { EndpointToken } from '../endpoint/token.ts';

export interface SessionHandlers {
  hello(): { host: HostInfo; workers: WorkerCounts; have: Have };
  welcomed(welcome: Welcome, reconciled: Reconciled): void;
  take(message: Exclude<BrokerMessage, { t: 'welcome' | 'beat-ok' }>, payload: Uint8Array): void;
  /** The connection is gone, or could not be made; it is tried again. */
  disconnected(problem: string): void;
  /** Trying again is of no use. */
  refused(problem: string): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const WELCOME_MS = 15_000;
/** How long a new token may take to get here after the broker refused the old one, which happens at the same time. */
const RENEWAL_MS = 5_000;
/** Bytes waiting in the socket above which output is held back. */
const CONGESTED_BYTES = 16 * 1024 * 1024;

/** The agent's connection to its broker, over as many sockets as it takes, and the lease that it holds. */
export class BrokerSession {
  readonly #url: string;
  readonly #token: Pick<EndpointToken, 'current' | 'replaces'>;
  readonly #log: Logger;
  readonly #handlers: SessionHandlers;
  readonly #id: Id = newId();
  #socket: WebSocket | undefined;
  #batcher: Batcher | undefined;
  #welcomed = false;
  /** The broker has taken the token before. */
  #wasWelcome = false;
  #leaseMs = 0;
  #leaseUntil = 0;
  #beats: NodeJS.Timeout | undefined;
  #beat = 0;
  /** When each unanswered beat was sent: the lease counts from there, not from the answer. */
  readonly #sentBeats = new Map<number, number>();
  /** What waits for the answer to a beat that was sent after it. */
  #untaken: { beat: number; call: () => void }[] = [];
  /** Since when there is no broker; by this process's monotonic clock. */
  #awaySince: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: string, token: Pick<EndpointToken, 'current' | 'replaces'>, log: Logger, handlers: SessionHandlers) {
    this.#url = url;
    this.#token = token;
    this.#log = log;
    this.#handlers = handlers;
  }

  get isConnected(): boolean {
    return this.#welcomed;
  }

  /** The broker may have given the tasks of this agent to nobody else yet. By this process's monotonic clock. */
  get hasLease(): boolean {
    return performance.now() < this.#leaseUntil;
  }

  /** The length of a lease in milliseconds; 0 before the first. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  get isCongested(): boolean {
    return !this.#socket || this.#socket.bufferedAmount > CONGESTED_BYTES;
  }

  connect(): void {
    const token = this.#token.current;
    const socket = new WebSocket(`${this.#url.replace(/^http/, 'ws').replace(/\/+$/, '')}/v1/agent`, {
      headers: { authorization: `Bearer ${token}` },
      maxPayload: limits.frame,
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
    });
    this.#socket = socket;
    const batcher = new Batcher(frame => {
      // failpoint: agent.frame.sending
      socket.send(frame);
      // failpoint: agent.frame.sent
    });
    let problem = `The broker at ${this.#url} closed the connection.`;
    let refused: 'token' | 'agent' | undefined;
    const silent = setTimeout(() => socket.terminate(), WELCOME_MS);

    socket.on('unexpected-response', (request, response: IncomingMessage) => {
      refused = response.statusCode === 401 || response.statusCode === 403 ? 'token' : undefined;
      problem = refused
        ? 'The broker does not accept the token of this endpoint: it was revoked, or the endpoint was deleted.'
        : `The broker at ${this.#url} answered with status ${response.statusCode}.`;
      response.resume();
      request.destroy();
      // A destroyed request brings no `close` of its own.
      socket.emit('close', 1006, Buffer.alloc(0));
    });
    socket.on('open', () => {
      const { host, workers, have } = this.#handlers.hello();
      this.#sentBeats.clear();
      this.#sentBeats.set(0, performance.now());
      const payload = Buffer.from(JSON.stringify(have));
      batcher.add({ t: 'hello', proto: PROTO, session: this.#id, host, workers } as { t: string }, payload);
      batcher.flush();
    });
    socket.on('message', (data: Buffer) => {
      if (socket.readyState !== socket.OPEN) return;
      try {
        for (const { header, payload } of decodeFrame(data)) {
          const message = BrokerMessage.parse(header);
          if (message.t === 'welcome') clearTimeout(silent);
          this.#take(message, payload, batcher);
        }
      } catch (error) {
        this.#log.error({ error: String(error) }, 'The broker sent what this agent does not understand.');
        socket.close(closeCodes.protocol, closeReason(error));
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      problem = `The broker at ${this.#url} cannot be reached: ${error.code ?? error.message}.`;
    });
    socket.once('close', (code, reason) => {
      clearTimeout(silent);
      batcher.close();
      if (this.#socket !== socket || this.#closed) return;
      if (code === closeCodes.auth && !refused) {
        refused = 'token';
        problem = 'The broker revoked the token of this endpoint, or the endpoint was deleted.';
      } else if (code === closeCodes.superseded) {
        refused = 'agent';
        problem = 'Another agent serves this endpoint now; this one has stopped.';
      } else if (code === closeCodes.protocol) {
        problem = `Broker and agent do not understand each other: ${String(reason) || 'their versions differ'}.`;
      }
      if (refused === 'token') void this.#renew(token, problem);
      else this.#lost(problem, refused === 'agent');
    });
  }

  /** Says something to the broker; dropped while there is no connection. */
  send(message: AgentMessage, payload?: Uint8Array): void {
    if (this.#welcomed) this.#batcher!.add(message, payload);
  }

  /**
   * Calls back when the broker has surely taken all that was sent so far: it answers a beat after everything before it
   * is committed. If the connection breaks first, the call never comes.
   */
  whenTaken(call: () => void): void {
    this.#untaken.push({ beat: this.#beat + 1, call });
  }

  /** Beats before it is time, so that what waits in {@link whenTaken} is called soon. */
  beatNow(): void {
    if (this.#welcomed) this.#sendBeat();
  }

  /** Says goodbye, if there is anybody to say it to. */
  async close(): Promise<void> {
    this.send({ t: 'bye' });
    this.#batcher?.flush();
    this.#closed = true;
    this.#welcomed = false;
    clearTimeout(this.#retry);
    clearInterval(this.#beats);
    const socket = this.#socket;
    if (!socket || socket.readyState !== socket.OPEN) {
      socket?.terminate();
      return;
    }
    await new Promise<void>(resolve => {
      const late = setTimeout(() => socket.terminate(), 1_000);
      socket.once('close', () => {
        clearTimeout(late);
        resolve();
      });
      socket.close(closeCodes.bye, 'the agent stops');
    });
  }

  #take(message: BrokerMessage, payload: Uint8Array, batcher: Batcher): void {
    if (this.#welcomed === (message.t === 'welcome')) {
      const why = this.#welcomed ? 'comes once' : 'comes before welcome';
      throw new RunaboutError('request-invalid', `${message.t} ${why}.`);
    }
    switch (message.t) {
      case 'welcome': {
        const reconciled = Reconciled.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
        this.#batcher = batcher;
        this.#welcomed = true;
        this.#wasWelcome = true;
        this.#awaySince = undefined;
        this.#leaseMs = message.leaseMs;
        this.#renewed(0);
        this.#beats = setInterval(() => this.#sendBeat(), message.leaseMs / 3);
        this.#handlers.welcomed(message, reconciled);
        return;
      }
      case 'beat-ok':
        this.#renewed(message.n);
        this.#taken(message.n);
        return;
      default:
        this.#handlers.take(message, payload);
    }
  }

  #sendBeat(): void {
    if (!this.hasLease) {
      // Nothing has been heard for a whole lease: the socket only looks alive.
      this.#socket?.terminate();
      return;
    }
    this.#sentBeats.set(++this.#beat, performance.now());
    this.send({ t: 'beat', n: this.#beat });
    this.#batcher?.flush();
  }

  #renewed(n: number): void {
    const sent = this.#sentBeats.get(n);
    if (sent === undefined) return;
    this.#leaseUntil = Math.max(this.#leaseUntil, sent + this.#leaseMs);
    for (const earlier of this.#sentBeats.keys()) if (earlier <= n) this.#sentBeats.delete(earlier);
  }

  #taken(beat: number): void {
    const taken = this.#untaken.filter(waiting => waiting.beat <= beat);
    if (taken.length === 0) return;
    this.#untaken = this.#untaken.filter(waiting => waiting.beat > beat);
    for (const { call } of taken) call();
  }

  /** The token was refused: the endpoint may have got a new one. */
  async #renew(refused: string, problem: string): Promise<void> {
    this.#left();
    if (this.#wasWelcome) this.#handlers.disconnected(problem);
    const renewed = await this.#token.replaces(refused, this.#wasWelcome ? RENEWAL_MS : 0);
    if (this.#closed) return;
    if (renewed) this.connect();
    else this.#lost(problem, true);
  }

  #left(): void {
    clearInterval(this.#beats);
    this.#untaken = [];
    this.#welcomed = false;
    this.#socket = undefined;
  }

  #lost(problem: string, refused: boolean): void {
    this.#left();
    if (refused) {
      this.#closed = true;
      this.#handlers.refused(problem);
      return;
    }
    this.#handlers.disconnected(problem);
    // Full jitter: agents that lost the same broker do not come back all at once. And no pause is longer than the broker
    // has been away: a restart of half a second costs no agent ten.
    this.#awaySince ??= performance.now();
    const away = performance.now() - this.#awaySince;
    const pause = Math.random() * Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, away));
    this.#retry = setTimeout(() => this.connect(), pause);
  }
}
