import { type Header, Series, type Shared } from './frames.ts';
import { Gathering } from './gathering.ts';
import { flush, limits } from './limits.ts';

/** Frames that may leave within one window of {@link flush}.ms before messages have to gather. */
const FRAMES_AT_ONCE = 4;
/** Messages of one frame from which on they gather. */
const LARGE = 8;

/**
 * Gathers messages and hands them on as one frame: sockets carry five to ten times more messages that way. A frame
 * leaves at {@link flush}.messages messages, before it would pass its size cap, and at the end of this turn of the event
 * loop; but once some have left within {@link flush}.ms, or large ones in a row, the next one waits up to that long. So a
 * lone message is not held up, and many are not sent one by one.
 */
export class Batcher {
  readonly #send: (frame: Uint8Array) => void;
  /** What is ready to be sent, and the messages of one type that the last ones are. */
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #count = 0;
  #series: Series | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #windowStart = 0;
  #framesInWindow = 0;
  readonly #gathering = new Gathering(LARGE, flush.ms);

  constructor(send: (frame: Uint8Array) => void) {
    this.#send = send;
  }

  /** @param of what the header leaves out, since the messages around it say the same */
  add(header: Header, payload?: Uint8Array, of?: Shared): void {
    const bytes = this.#bytes + (this.#series?.bytes ?? 0) + (payload?.length ?? 0);
    // What waits has headers too.
    if (this.#count > 0 && bytes + 2 * limits.header > limits.frame) this.flush();
    if (!this.#series?.add(header, payload, of)) {
      this.#closeSeries();
      this.#series = new Series(header.t, of);
      this.#series.add(header, payload, of);
    }
    this.#count += 1;
    if (this.#count >= flush.messages) this.flush();
    else if (!this.#turn && !this.#timer) this.#schedule();
  }

  #closeSeries(): void {
    for (const part of this.#series?.encode() ?? []) {
      this.#parts.push(part);
      this.#bytes += part.length;
    }
    this.#series = undefined;
  }

  #schedule(): void {
    const now = performance.now();
    if (now - this.#windowStart > flush.ms) {
      this.#windowStart = now;
      this.#framesInWindow = 0;
    }
    const wait = this.#framesInWindow < FRAMES_AT_ONCE ? this.#gathering.wait : flush.ms;
    if (wait > 0) this.#timer = setTimeout(() => this.flush(), wait);
    else this.#turn = setImmediate(() => this.flush());
  }

  /** Sends what waits now. */
  flush(): void {
    this.#unschedule();
    if (this.#count === 0) return;
    this.#closeSeries();
    this.#framesInWindow += 1;
    this.#gathering.left(this.#count);
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    this.#count = 0;
    this.#send(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  }

  /** Drops what waits. */
  close(): void {
    this.#unschedule();
    this.#series = undefined;
    this.#parts = [];
    this.#bytes = 0;
    this.#count = 0;
  }

  #unschedule(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#timer = undefined;
    this.#turn = undefined;
  }
}
