import { WebSocket } from 'ws';
import { type BrokerEvent, EventFrame, type OutputEvent, type Subscribe } from '../protocol/client-broker/events.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import { RunaboutError } from '../protocol/errors/error.ts';
import { limits } from '../protocol/limits.ts';
import type { Connection } from './http.ts';

/** `refused`: the broker does not take the token; only a new connection helps, so the stream stops trying. */
export type StreamState = 'connecting' | 'connected' | 'disconnected' | 'refused';

export interface EventHandlers {
  event?(event: BrokerEvent): void;
  output?(event: OutputEvent): void;
  /** `complete`: nothing was missed since the last time; otherwise lists have to be loaded anew. */
  connected?(complete: boolean): void;
  state?(state: StreamState, problem?: RunaboutError): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** The broker pings every 15 s; a stream that hears nothing for this long is dead. */
const SILENCE_MS = 45_000;

/**
 * The events of one broker, in order and without gaps: reconnects by itself with full-jitter back-off and asks for what
 * came after the last event it saw. Events that come twice are dropped.
 */
export class EventStream {
  readonly #connection: Connection;
  readonly #handlers: EventHandlers;
  readonly #output: boolean;
  #socket: WebSocket | undefined;
  #seq: number | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connection: Connection, handlers: EventHandlers, output: boolean) {
    this.#connection = connection;
    this.#handlers = handlers;
    this.#output = output;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#socket?.terminate();
  }

  #connect(): void {
    this.#handlers.state?.('connecting');
    const url = `${this.#connection.url.replace(/^http/, 'ws').replace(/\/+$/, '')}/v1/events`;
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${this.#connection.token}` },
      maxPayload: limits.frame,
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
    });
    this.#socket = socket;
    let refusal: RunaboutError | undefined;

    socket.on('unexpected-response', (request, response) => {
      if (response.statusCode === 401 || response.statusCode === 403) {
        refusal = new RunaboutError('token-invalid', 'The broker does not accept the token.', {
          hint: 'Connect again.',
        });
      }
      response.resume();
      request.destroy();
      // A destroyed request brings no `close` of its own. Anything but a refusal of the token passes: a broker that stops
      // or a proxy without one answers 503.
      socket.emit('close', refusal ? closeCodes.auth : 1006, Buffer.alloc(0));
    });
    socket.on('open', () => {
      const subscribe: Subscribe = {
        t: 'sub',
        output: this.#output,
        ...(this.#seq === undefined ? {} : { from: this.#seq }),
      };
      socket.send(JSON.stringify(subscribe));
    });
    socket.on('ping', () => this.#heard());
    socket.on('message', data => {
      this.#heard();
      this.#receive(String(data));
    });
    // The reason arrives with `close`, which always follows.
    socket.on('error', () => {});
    socket.once('close', code => {
      clearTimeout(this.#silence);
      if (this.#closed) return;
      if (code === closeCodes.auth)
        refusal ??= new RunaboutError('token-invalid', 'The broker revoked the token.', { hint: 'Connect again.' });
      if (refusal) {
        this.#closed = true;
        this.#handlers.state?.('refused', refusal);
        return;
      }
      this.#handlers.state?.(
        'disconnected',
        new RunaboutError('broker-unreachable', `The broker at ${this.#connection.url} cannot be reached.`, {
          hint: 'Trying again.',
        }),
      );
      this.#failures += 1;
      const pause = Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
      this.#timer = setTimeout(() => this.#connect(), pause);
    });
    this.#heard();
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#socket?.terminate(), SILENCE_MS);
  }

  #receive(text: string): void {
    const frame = EventFrame.safeParse(parse(text));
    if (!frame.success) {
      this.#socket?.close(closeCodes.protocol, 'request-invalid: this is no frame of events');
      return;
    }
    for (const message of frame.data) {
      if (message.t === 'hello') {
        const first = this.#seq === undefined;
        if (first || !message.complete) this.#seq = message.seq;
        this.#failures = 0;
        this.#handlers.state?.('connected');
        this.#handlers.connected?.(!first && message.complete);
      } else if (message.t === 'output') {
        this.#handlers.output?.(message);
      } else if (message.seq > (this.#seq ?? -1)) {
        this.#seq = message.seq;
        this.#handlers.event?.(message);
      }
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
