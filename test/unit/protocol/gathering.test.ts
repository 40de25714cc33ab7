import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Gathering } from '../../../protocol/gathering.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The pause behind each of some groups, which leave one millisecond after the other. */
function pauses(gathering: Gathering, counts: readonly number[]): number[] {
  return counts.map(count => {
    vi.advanceTimersByTime(1);
    gathering.left(count);
    return gathering.wait;
  });
}

test('nothing waits behind small groups, nor behind a large one that is the first', () => {
  expect(pauses(new Gathering(8, 4), [1, 7, 1, 8])).toEqual([0, 0, 0, 0]);
});

test('behind large groups in a row the pause grows to its longest, and small ones among them do not end it at once', () => {
  expect(pauses(new Gathering(8, 4), [8, 9, 8, 100, 8, 8, 1, 8])).toEqual([0, 1, 2, 3, 4, 4, 1, 2]);
});

test('the pause counts from the last group, and after a calm the next group is the first again', () => {
  const gathering = new Gathering(8, 4);
  pauses(gathering, [8, 8, 8, 8, 8]);
  vi.advanceTimersByTime(3);
  expect(gathering.wait).toBe(1);
  vi.advanceTimersByTime(41);
  expect(gathering.wait).toBeLessThan(0);
  expect(pauses(gathering, [8])).toEqual([0]);
});
