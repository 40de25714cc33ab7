import { expect, it } from 'vitest';
import { FailureLimit, WINDOW_MS } from '../../../broker/http/failure-limit.ts';

it('counts per address, and begins again after a minute', () => {
  let now = 0;
  const limit = new FailureLimit({ now: () => now, after: () => () => {} }, 2);
  expect([1, 2, 3, 4].map(() => limit.count('a'))).toEqual([false, false, true, true]);
  expect(limit.count('b')).toBe(false);
  now += WINDOW_MS - 1;
  expect(limit.count('a')).toBe(true);
  now += 1;
  expect(limit.count('a')).toBe(false);
});
