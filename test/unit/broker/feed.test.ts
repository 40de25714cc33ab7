import { expect, it } from 'vitest';
import type { Clock } from '../../../broker/clock.ts';
import { OwnerFeed, type Subscriber } from '../../../broker/events/feed.ts';
import type { BrokerStore } from '../../../broker/store/contract.ts';
import { until } from '../../support/until.ts';

/** A feed over a store whose head is set by hand, and a clock whose timers are called by hand. */
function setUp() {
  const at = { head: 0, floor: 0 };
  const store = {
    eventRange: async () => ({ ...at }),
    events: async ({ after }: { after: number }) => ({
      frame: Buffer.from(`${after + 1}-${at.head}`),
      count: at.head - after,
      through: at.head,
      head: at.head,
    }),
  } as unknown as BrokerStore;
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    after: (_ms, callback) => {
      timers.push(callback);
      return () => {};
    },
  };
  return { at, timers, store, feed: new OwnerFeed(store, clock, 'owner', 0) };
}

/** Its reader takes a live frame at once unless it is `slow`, and of a replay one at each `read`. */
function subscribe() {
  const frames: string[] = [];
  const errors: unknown[] = [];
  let read = () => {};
  const subscriber: Subscriber & { slow: boolean } = {
    ...{ owner: 'owner', output: true, slow: false },
    send(frame) {
      if (!this.slow) frames.push(String(frame));
      return !this.slow;
    },
    sendSlowly: frame =>
      new Promise(resolve => {
        frames.push(String(frame));
        read = resolve;
      }),
    fail: error => void errors.push(error),
  };
  return { subscriber, frames, errors, read: () => read() };
}

const hello = { t: 'hello', seq: 0, complete: true } as const;

async function join(feed: OwnerFeed, { subscriber, frames, read }: ReturnType<typeof subscribe>): Promise<void> {
  const joined = feed.join(subscriber, 0, hello);
  read();
  await joined;
  expect(frames.splice(0)).toEqual([JSON.stringify([hello])]);
}

it('tells of a change that came while an earlier one waited, and was told with an end', async () => {
  const { at, timers, feed } = setUp();
  const peer = subscribe();
  await join(feed, peer);
  at.head = 1;
  feed.advanceSoon(1);
  feed.advance(1);
  await until('the first is told', () => peer.frames.length === 1);
  at.head = 2;
  feed.advanceSoon(2);
  expect(timers).toHaveLength(1);
  timers[0]!();
  await until('the second is told', () => peer.frames.length === 2);
  expect(peer.frames).toEqual(['1-1', '2-2']);
});

it('replays to a reader that lags what it did not take, as it reads, and then goes on live; others notice nothing', async () => {
  const { at, feed } = setUp();
  const [slow, quick] = [subscribe(), subscribe()];
  await join(feed, slow);
  await join(feed, quick);
  for (const head of [1, 2, 3]) {
    slow.subscriber.slow = head > 1;
    at.head = head;
    feed.advance(head);
    await until('the quick one has it', () => quick.frames.length === head);
  }
  await until('its replay has begun', () => slow.frames.length === 2);
  slow.subscriber.slow = false;
  at.head = 4;
  feed.advance(4);
  await until('the quick one has it', () => quick.frames.length === 4);
  feed.output({ t: 'output', task: 't', chunks: [] });
  expect(slow.frames).toEqual(['1-1', '2-2']);
  slow.read();
  await until('it goes on where it was', () => slow.frames.length === 3);
  slow.read();
  at.head = 5;
  feed.advance(5);
  await until('it is live again', () => slow.frames.length === 4);
  expect(slow.frames).toEqual(['1-1', '2-2', '3-4', '5-5']);
  expect(quick.frames.slice(0, 4)).toEqual(['1-1', '2-2', '3-3', '4-4']);
  expect(slow.errors).toEqual([]);
});

it('skips output for a live reader that takes none now, and goes on with its events', async () => {
  const { at, feed } = setUp();
  const peer = subscribe();
  await join(feed, peer);
  peer.subscriber.slow = true;
  feed.output({ t: 'output', task: 't', chunks: [] });
  peer.subscriber.slow = false;
  at.head = 1;
  feed.advance(1);
  await until('it is told', () => peer.frames.length === 1);
  expect(peer.frames).toEqual(['1-1']);
});

it('reads again when a read failed, whether anything else changes or not', async () => {
  const { at, feed, timers, store } = setUp();
  const peer = subscribe();
  await join(feed, peer);
  const { events } = store;
  store.events = () => Promise.reject(new Error('held up'));
  at.head = 1;
  feed.advance(1);
  await until('it waits', () => timers.length === 1);
  store.events = events;
  timers[0]!();
  await until('it is told', () => peer.frames.length === 1);
});

it('fails a stream whose missing events are gone', async () => {
  const { at, feed } = setUp();
  const peer = subscribe();
  await join(feed, peer);
  peer.subscriber.slow = true;
  Object.assign(at, { head: 9, floor: 5 });
  feed.advance(9);
  await until('it is told', () => peer.errors.length === 1);
  expect(peer.errors).toMatchObject([{ code: 'too-many-requests' }]);
  expect(feed.leave(peer.subscriber)).toBe(true);
});
