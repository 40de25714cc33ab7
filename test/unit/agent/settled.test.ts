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

test('remembers the last 8,192 tasks at least, and not more than twice as many', () => {
  const settled = new Settled();
  const ids = Array.from({ length: 16_385 }, newId);
  for (const id of ids) settled.add(id, 1);
  expect(settled.has(ids[0]!, 1)).toBe(false);
  expect(ids.slice(-8_192).every(id => settled.has(id, 1))).toBe(true);
});
