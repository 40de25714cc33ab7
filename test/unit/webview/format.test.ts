import { expect, test } from 'vitest';
import { shortNumber, ticks } from '../../../webview/axis.ts';
import { ago, bytes, duration, elapsed } from '../../../webview/format.ts';

test.each([
  [0.04, '0.0 ms'],
  [0.26, '0.3 ms'],
  [17.4, '17 ms'],
  [999.4, '999 ms'],
  [1240, '1.24 s'],
  [59_960, '60.0 s'],
  [60_000, '1 min'],
  [185_000, '3 min 5 s'],
  [7_440_000, '2 h 4 min'],
  [-3, '0.0 ms'],
])('%d ms is said as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('a time that still goes on is in whole seconds and never below zero', () => {
  expect([-500, 999, 12_900, 61_000].map(elapsed)).toEqual(['0 s', '0 s', '12 s', '1 min 1 s']);
});

test('sizes', () => {
  expect([12, 5321, 2_340_000].map(bytes)).toEqual(['12 bytes', '5.3 kB', '2.3 MB']);
});

test.each([
  [0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [-2.129, 2.681, 5, [-3, -2, -1, 0, 1, 2, 3]],
  [0, 19_999, 6, [0, 5000, 10_000, 15_000, 20_000]],
  [7, 7, 4, [2, 4, 6, 8, 10, 12]],
  [0, 0, 4, [-1, -0.5, 0, 0.5, 1]],
  [1e-9, 3e-9, 4, [1e-9, 1.5e-9, 2e-9, 2.5e-9, 3e-9]],
])('round values from %d to %d', (low, high, count, expected) => {
  const found = ticks(low, high, count);
  expect(found).toEqual(expected);
  expect(found[0]).toBeLessThanOrEqual(low);
  expect(found.at(-1)).toBeGreaterThanOrEqual(high);
});

test('numbers fit an axis', () => {
  expect([0, 0.1 + 0.2, 12_345.678, 2_500_000, 0.000012].map(shortNumber)).toEqual([
    '0',
    '0.3',
    '12350',
    '2.5e6',
    '1.2e-5',
  ]);
});

test('how long ago something was', () => {
  const minute = 60_000;
  expect([-5, 59_999, minute, 119 * minute, 120 * minute, 47 * 60 * minute, 49 * 60 * minute].map(ago)).toEqual([
    'just now',
    'just now',
    '1 min ago',
    '119 min ago',
    '2 h ago',
    '47 h ago',
    '2 days ago',
  ]);
});
