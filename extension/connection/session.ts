import { BrokerClient } from '../../client/client.ts';
import type { EventStream } from '../../client/events.ts';
import type { Connection } from '../../client/http.ts';
import type { BrokerEvent } from '../../protocol/client-broker/events.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { Emitter } from '../emitter.ts';

/**
 * How we stand with the broker.
 * - `none`: nobody has connected, or somebody signed out
 * - `disconnected`: it cannot be reached now; the session goes on trying
 * - `refused`: it does not take the token; only a new connection helps
 */
export type SessionState =
  | { state: 'none' }
  | { state: 'connecting'; url: string }
  | { state: 'connected'; url: string }
  | { state: 'disconnected'; url: string; since: number; problem: RunaboutError }
  | { state: 'refused'; url: string; problem: RunaboutError };

/** The editor's one connection to a broker: its client, its events and its state. */
export class Session {
  readonly #userAgent: string;
  readonly #now: () => number;
  readonly #changed = new Emitter<SessionState>();
  readonly #connection = new Emitter<Connection | undefined>();
  readonly #event = new Emitter<BrokerEvent>();
  readonly #reload = new Emitter<BrokerClient>();
  #state: SessionState = { state: 'none' };
  #client: BrokerClient | undefined;
  #stream: EventStream | undefined;

  readonly onDidChangeState = this.#changed.event;
  /** Another broker or token is in use now, or none. */
  readonly onDidChangeConnection = this.#connection.event;
  readonly onEvent = this.#event.event;
  /** Events were missed, or this is the first connection: lists have to be loaded. */
  readonly onReload = this.#reload.event;

  constructor(userAgent: string, now: () => number = Date.now) {
    this.#userAgent = userAgent;
    this.#now = now;
  }

  get state(): SessionState {
    return this.#state;
  }

  get connection(): Connection | undefined {
    return this.#client?.connection;
  }

  /** The client, also while the broker cannot be reached; `undefined` when there is no connection. */
  get client(): BrokerClient | undefined {
    return this.#client;
  }

  /** @throws RunaboutError when there is no connection, or the broker refused it */
  requireClient(): BrokerClient {
    if (this.#state.state === 'refused') throw this.#state.problem;
    if (this.#client) return this.#client;
    throw new RunaboutError('token-missing', 'Not connected to a broker.', {
      hint: 'Start a local broker, or connect to one.',
    });
  }

  /** Uses this connection from now on; `undefined` signs out. The same connection again is left alone. */
  use(connection: Connection | undefined): void {
    const current = this.connection;
    const same = current?.url === connection?.url && current?.token === connection?.token;
    if (same && this.#state.state !== 'refused') return;
    this.#stream?.close();
    this.#stream = undefined;
    this.#client = connection && new BrokerClient(connection, this.#userAgent);
    this.#connection.fire(connection);
    if (!this.#client) {
      this.#set({ state: 'none' });
      return;
    }
    this.#set({ state: 'connecting', url: this.#client.connection.url });
    this.#listen(this.#client);
  }

  dispose(): void {
    this.#stream?.close();
  }

  #listen(client: BrokerClient): void {
    const url = client.connection.url;
    const current = () => this.#client === client;
    this.#stream = client.subscribe({
      state: (state, problem) => {
        if (!current()) return;
        if (state === 'connected') this.#set({ state: 'connected', url });
        if (state === 'refused' && problem) this.#set({ state: 'refused', url, problem });
        // A retry that fails again keeps the time since when the broker is away.
        if (state === 'disconnected' && problem && this.#state.state !== 'disconnected')
          this.#set({ state: 'disconnected', url, since: this.#now(), problem });
      },
      connected: complete => {
        if (current() && !complete) this.#reload.fire(client);
      },
      event: event => {
        if (current()) this.#event.fire(event);
      },
    });
  }

  #set(state: SessionState): void {
    this.#state = state;
    this.#changed.fire(state);
  }
}
