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
/** When a read that failed is tried again, in milliseconds; with no stream left it is not. */
const AGAIN_MS = 1_000;
/** How long changes wait that are no task's end, in milliseconds. */
const SOON_MS = 10;

/** One event stream. */
export interface Subscriber {
  readonly owner: string;
  readonly output: boolean;
  /** Takes a frame (text as bytes); false, and the frame is not taken, while too much waits for its reader. */
  send(frame: Uint8Array): boolean;
  /** Sends a frame and resolves when it and all before it have left; rejects when the stream is gone. */
  sendSlowly(frame: Uint8Array): Promise<void>;
  /** Ends the stream, which then leaves. */
  fail(error: unknown): void;
}

const encode = (frame: EventFrame) => Buffer.from(JSON.stringify(frame));

/**
 * The live events of one owner. A commit only tells that there are newer ones; the feed then reads them from the store
 * once for all its subscribers. While it reads, further changes gather, and of a task that changed three times only the
 * newest state is sent: the busier the broker, the more one frame holds. A subscriber whose reader does not keep up gets
 * its events by a replay of its own, which waits for the reader, until it has caught up.
 */
export class OwnerFeed {
  readonly #store: BrokerStore;
  readonly #clock: Clock;
  readonly #owner: string;
  readonly #live = new Set<Subscriber>();
  /** Streams that get a replay: they have just come, or lag behind. */
  readonly #replaying = new Set<Subscriber>();
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

  /** Says hello, replays what came after `cursor`, then goes on live. */
  async join(subscriber: Subscriber, cursor: number, hello: EventFrame[number]): Promise<void> {
    this.#replaying.add(subscriber);
    await subscriber.sendSlowly(encode([hello]));
    await this.#replay(subscriber, cursor);
  }

  /** True when nobody is left. */
  leave(subscriber: Subscriber): boolean {
    this.#live.delete(subscriber);
    this.#replaying.delete(subscriber);
    const empty = this.#live.size + this.#replaying.size === 0;
    if (empty) this.#soon?.();
    return empty;
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

  /** Not for who lags: what is missed stands in the task's output. */
  output(event: OutputEvent): void {
    const frame = encode([event]);
    for (const subscriber of this.#live) if (subscriber.output) subscriber.send(frame);
  }

  async #readOn(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#again && this.#live.size + this.#replaying.size > 0) {
        this.#again = false;
        const before = this.#position;
        const { frame, count, through, head } = await this.#read(before);
        this.#position = through;
        if (through < head) this.#again = true;
        if (count === 0) continue;
        for (const subscriber of this.#live) this.#send(subscriber, frame, before);
        this.#gathering.left(count);
        // Most tasks of a busy owner change again within this pause.
        const wait = this.#gathering.wait;
        if (wait > 0 && through === head) await pause(wait, undefined, { ref: false });
      }
    } catch {
      // The store is closing, or held up: its own users hear of that.
      this.#clock.after(AGAIN_MS, () => this.advance());
    } finally {
      this.#reading = false;
    }
  }

  /** @param before the number up to which it has all events without this frame */
  #send(subscriber: Subscriber, frame: Uint8Array, before: number): void {
    if (subscriber.send(frame)) return;
    this.#live.delete(subscriber);
    this.#replaying.add(subscriber);
    this.#replay(subscriber, before).catch(error => subscriber.fail(error));
  }

  /**
   * Sends what came after `cursor` as fast as it is read, then goes on live. What falls between both comes twice, never
   * not at all.
   */
  async #replay(subscriber: Subscriber, cursor: number): Promise<void> {
    while (cursor < this.#position && this.#replaying.has(subscriber)) {
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
    if (!this.#replaying.delete(subscriber)) return;
    this.#live.add(subscriber);
    this.advance();
  }

  #read(after: number) {
    return this.#store.events({ owner: this.#owner, after, limit: BATCH, now: this.#clock.now() });
  }
}
