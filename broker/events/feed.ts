import { setTimeout as pause } from 'node:timers/promises';
import type { EventFrame, OutputEvent } from '../../protocol/client-broker/events.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { Gathering } from '../../protocol/gathering.ts';
import type { Clock } from '../clock.ts';
import type { BrokerStore } from '../store/contract.ts';

/** Events in one read of the store, and in one frame. */
const BATCH = 500;
/** Events in one read from which on they gather, and for how many milliseconds at the most. */
const LARGE = 64;
const GATHER_MS = 16;
/** How long changes wait that are no task's end, in milliseconds. */
const SOON_MS = 10;

/** One event stream. */
export interface Subscriber {
  readonly owner: string;
  readonly output: boolean;
  /** Takes a frame (text as bytes), or drops the whole stream when it lags too far behind. */
  send(frame: Uint8Array): void;
  /** Sends a frame and resolves when it has left; rejects when the stream is gone. */
  sendSlowly(frame: Uint8Array): Promise<void>;
}

const encode = (frame: EventFrame) => Buffer.from(JSON.stringify(frame));

/**
 * The live events of one owner. A commit only tells that there are newer ones; the feed then reads them from the store
 * once for all its subscribers. While it reads, further changes gather, and of a task that changed three times only the
 * newest state is sent: the busier the broker, the more one frame holds.
 */
export class OwnerFeed {
  readonly #store: BrokerStore;
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #live = new Set<Subscriber>();
  /** Streams that still get their replay. */
  readonly #joining = new Set<Subscriber>();
  /** Every live subscriber has all events up to this number. */
  #position: number;
  #reading = false;
  #again = false;
  readonly #gathering = new Gathering(LARGE, GATHER_MS);
  /** Stops the timer of {@link advanceSoon}. */
  #soon: (() => void) | undefined;

  constructor(store: BrokerStore, clock: Clock, owner: string, position: number) {
    this.#store = store;
    this.#clock = clock;
    this.#owner = owner;
    this.#position = position;
  }

  get wantsOutput(): boolean {
    return [...this.#live].some(subscriber => subscriber.output);
  }

  /** Replays what came after `cursor`, then goes on live. What falls between both comes twice, never not at all. */
  async join(subscriber: Subscriber, cursor: number, hello: EventFrame[number]): Promise<void> {
    this.#joining.add(subscriber);
    await subscriber.sendSlowly(encode([hello]));
    while (cursor < this.#position && this.#joining.has(subscriber)) {
      const [{ floor }, { frame, count, through }] = await Promise.all([
        this.#store.eventRange({ owner: this.#owner }),
        this.#read(cursor),
      ]);
      if (cursor < floor) {
        throw new RunaboutError('too-many-requests', 'The stream is read too slowly: events it did not get are gone.');
      }
      if (count > 0) await subscriber.sendSlowly(frame);
      cursor = through;
    }
    if (!this.#joining.delete(subscriber)) return;
    this.#live.add(subscriber);
    this.advance();
  }

  /** True when nobody is left. */
  leave(subscriber: Subscriber): boolean {
    this.#live.delete(subscriber);
    this.#joining.delete(subscriber);
    if (this.#live.size + this.#joining.size === 0) this.#soon?.();
    return this.#live.size + this.#joining.size === 0;
  }

  /** There are newer events, up to `head` if that is known. */
  advance(head = Number.POSITIVE_INFINITY): void {
    if (head <= this.#position) return;
    this.#again = true;
    if (!this.#reading) void this.#readOn();
  }

  /** As {@link advance}, for changes that may wait a moment: a short task has often ended by then. */
  advanceSoon(head: number): void {
    if (head <= this.#position || this.#soon) return;
    this.#soon = this.#clock.after(SOON_MS, () => {
      this.#soon = undefined;
      // There may be newer ones by now that were not asked for, because of this timer.
      this.advance();
    });
  }

  output(event: OutputEvent): void {
    const frame = encode([event]);
    for (const subscriber of this.#live) if (subscriber.output) subscriber.send(frame);
  }

  async #readOn(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#again && this.#live.size + this.#joining.size > 0) {
        this.#again = false;
        const { frame, count, through, head } = await this.#read(this.#position);
        this.#position = through;
        if (through < head) this.#again = true;
        if (count === 0) continue;
        for (const subscriber of this.#live) subscriber.send(frame);
        this.#gathering.left(count);
        // Most tasks of a busy owner change again within this pause.
        const wait = this.#gathering.wait;
        if (wait > 0 && through === head) await pause(wait, undefined, { ref: false });
      }
    } catch {
      // The store is closing or failed: its own users hear of that, and the next commit tries again.
    } finally {
      this.#reading = false;
    }
  }

  #read(after: number) {
    return this.#store.events({ owner: this.#owner, after, limit: BATCH, now: this.#clock.now() });
  }
}
