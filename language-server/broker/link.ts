import { BrokerClient } from '../../client/client.ts';
import type { EventHandlers, EventStream } from '../../client/events.ts';
import type { Connection } from '../../client/http.ts';
import type { ConnectionState } from '../../protocol/editor-server/messages.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';

interface LinkHandlers extends Pick<EventHandlers, 'event' | 'output'> {
  /** Connected; `complete`: nothing was missed since the last time. */
  connected(complete: boolean): void;
  /** Another broker, or none: what is known of the old one is void. */
  replaced(): void;
  state(state: ConnectionState): void;
}

/** The one connection to a broker, and its stream of events. */
export class BrokerLink {
  readonly #handlers: LinkHandlers;
  #client: BrokerClient | undefined;
  #stream: EventStream | undefined;
  /** The stream has given up; the same connection may be good again when a person tries it. */
  #refused = false;

  constructor(handlers: LinkHandlers) {
    this.#handlers = handlers;
  }

  get client(): BrokerClient | undefined {
    return this.#client;
  }

  /** @throws RunaboutError `token-missing` when there is no connection */
  require(): BrokerClient {
    if (this.#client) return this.#client;
    throw new RunaboutError('token-missing', 'There is no connection to a broker.', {
      hint: 'Start one with `runabout up`, or connect with `runabout login URL`.',
    });
  }

  connect(connection: Connection | undefined): void {
    const same =
      connection?.url === this.#client?.connection.url && connection?.token === this.#client?.connection.token;
    if (same && this.#stream && !this.#refused) return;
    this.close();
    this.#handlers.replaced();
    if (!connection) {
      this.#handlers.state({ state: 'none' });
      return;
    }
    this.#client = new BrokerClient(connection, 'runabout-language-server');
    this.#stream = this.#client.subscribe(
      {
        event: event => this.#handlers.event?.(event),
        output: event => this.#handlers.output?.(event),
        connected: complete => this.#handlers.connected(complete),
        state: (state, problem) => {
          this.#refused = state === 'refused';
          this.#handlers.state({
            state: state === 'disconnected' ? 'connecting' : state,
            ...(problem ? { problem: problem.explained } : {}),
          });
        },
      },
      { output: true },
    );
  }

  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#client = undefined;
  }
}
