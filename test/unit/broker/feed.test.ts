import { expect, it } from 'vitest';
import type { Clock } from '../../../broker/clock.ts';
import { OwnerFeed } from '../../../broker/events/feed.ts';
import type { BrokerStore } from '../../../broker/store/contract.ts';
import { until } from '../../support/until.ts';

it('tells of a change that came while an earlier one waited, and was told with an end', async () => {
  let head = 0;
  const store = {
    eventRange: async () => ({ head, floor: 0 }),
    events: async ({ after }: { after: number }) => ({
      frame: Buffer.from(JSON.stringify({ after, through: head })),
      count: head - after,
      through: head,
      head,
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
  const frames: string[] = [];
  const take = (frame: Uint8Array) => void frames.push(Buffer.from(frame).toString());
  const feed = new OwnerFeed(store, clock, 'owner', 0);
  const subscriber = { owner: 'owner', output: false, send: take, sendSlowly: async () => {} };
  await feed.join(subscriber, 0, { t: 'hello', seq: 0, complete: true });

  head = 1;
  feed.advanceSoon(1);
  feed.advance(1);
  await until('the first is told', () => frames.length === 1);
  head = 2;
  feed.advanceSoon(2);
  expect(timers).toHaveLength(1);
  timers[0]!();
  await until('the second is told', () => frames.length === 2);
  expect(frames).toEqual(['{"after":0,"through":1}', '{"after":1,"through":2}']);
});
