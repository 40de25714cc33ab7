import type { OutputEvent } from '../../protocol/client-broker/events.ts';
import type { Clock } from '../clock.ts';
import type { BrokerStore } from '../store/contract.ts';
import { OwnerFeed, type Subscriber } from './feed.ts';

/** Who in this process waits for what a commit changed: event streams by owner, and long-polls by task. */
export class EventHub {
  readonly #store: BrokerStore;
  readonly #clock: Clock;
  readonly #feeds = new Map<string, OwnerFeed>();
  readonly #waiters = new Map<string, Set<() => void>>();
  #closed = false;

  constructor(store: BrokerStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    store.onCommit(({ heads, ended }) => {
      for (const [owner, head] of Object.entries(heads)) {
        const feed = this.#feeds.get(owner);
        if (ended.length > 0) feed?.advance(head);
        else feed?.advanceSoon(head);
      }
      for (const task of ended) for (const wake of this.#waiters.get(task) ?? []) wake();
    });
  }

  /** Joins a subscriber to its owner's events, after those since `from`; sends it `hello` first. */
  join(subscriber: Subscriber, from?: number): void {
    this.#join(subscriber, from).catch(error => {
      // It may have left before it was let in.
      this.leave(subscriber);
      subscriber.fail(error);
    });
  }

  async #join(subscriber: Subscriber, from?: number): Promise<void> {
    const { owner } = subscriber;
    const { head, floor } = await this.#store.eventRange({ owner });
    const complete = from === undefined || (from >= floor && from <= head);
    let feed = this.#feeds.get(owner);
    if (!feed) {
      feed = new OwnerFeed(this.#store, this.#clock, owner, head);
      this.#feeds.set(owner, feed);
    }
    await feed.join(subscriber, complete ? (from ?? head) : head, { t: 'hello', seq: head, complete });
  }

  leave(subscriber: Subscriber): void {
    const feed = this.#feeds.get(subscriber.owner);
    if (feed?.leave(subscriber)) this.#feeds.delete(subscriber.owner);
  }

  /**
   * A task's end for this owner was given to the store in this turn: its events are read in the same transaction, a
   * round trip earlier than after its notice.
   */
  ending(owner: string): void {
    this.#feeds.get(owner)?.advance();
  }

  output(owner: string, event: OutputEvent): void {
    this.#feeds.get(owner)?.output(event);
  }

  /** Whether anybody would see output of this owner's tasks. */
  wantsOutput(owner: string): boolean {
    return this.#feeds.get(owner)?.wantsOutput ?? false;
  }

  /**
   * Watches for the end of a task, from this call on. `ended` resolves at the end, after `ms`, or when the broker
   * stops; `stop` gives up earlier.
   */
  watch(task: string, ms: number): { ended: Promise<void>; stop(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wakers = this.#waiters.get(task) ?? new Set();
    this.#waiters.set(task, wakers);
    const stop = () => {
      cancelTimer();
      wakers.delete(stop);
      if (wakers.size === 0 && this.#waiters.get(task) === wakers) this.#waiters.delete(task);
      resolve();
    };
    const cancelTimer = this.#clock.after(ms, stop);
    wakers.add(stop);
    if (this.#closed) stop();
    return { ended: promise, stop };
  }

  /** Wakes everybody who waits. */
  close(): void {
    this.#closed = true;
    for (const wakers of [...this.#waiters.values()]) for (const wake of [...wakers]) wake();
  }
}
