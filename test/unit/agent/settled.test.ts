import { expect, test } from 'vitest';
import { Settled } from '../../../agent/tasks/settled.ts';
import { newId } from '../../../protocol/ids.ts';

test('knows a settled attempt and those before it, not a later one', () => {
  const settled = new Settled();
  const task = newId();
  expect(settled.has(task, 1)).toBe(false);
  settled.add(task, 2);
  expect([1, 2, 3].map(attempt => settled.has(task, attempt))).toEqual([true, true, false]);
});

test('forgets the oldest when there are too many', () => {
  const settled = new Settled();
  const ids = Array.from({ length: 16_385 }, newId);
  for (const id of ids) settled.add(id, 1);
  expect([settled.has(ids[0]!, 1), settled.has(ids[1]!, 1), settled.has(ids.at(-1)!, 1)]).toEqual([false, true, true]);
});
