import { expect, test } from 'vitest';
import { Pace } from '../../../agent/pace.ts';
import { choose, type Load, takes, wanted } from '../../../agent/tasks/placement.ts';
import { digestOf } from '../../../protocol/ids.ts';

const digest = digestOf('a');

function load(more: Partial<Omit<Load, 'isWarm'>> = {}, warm = false): Load {
  return { slots: 2, held: 0, unknown: 0, expectedMs: 0, isWarm: () => warm, ...more };
}

test('a free slot takes anything', () => {
  expect(takes(load({ held: 1, unknown: 1 }), Number.POSITIVE_INFINITY)).toBe(true);
  expect(takes(load({ held: 2 }), Number.POSITIVE_INFINITY)).toBe(false);
});

test('short tasks go ahead only behind short tasks, and not too many', () => {
  expect(takes(load({ held: 5, expectedMs: 5 }), 1)).toBe(true);
  expect(takes(load({ held: 5, expectedMs: 5, unknown: 1 }), 1)).toBe(false);
  expect(takes(load({ held: 2, expectedMs: 40 }), 1)).toBe(false);
  expect(takes(load({ held: 4098, expectedMs: 1 }), 0.02)).toBe(false);
});

test('warm goes before empty, and among equals the least loaded', () => {
  const cold = load();
  const warm = load({ held: 1 }, true);
  const fuller = load({ held: 1, slots: 8 }, true);
  expect(choose([cold, warm], digest, 1)).toBe(warm);
  expect(choose([cold, warm, fuller], digest, 1)).toBe(fuller);
  expect(choose([load({ held: 2, unknown: 2 }, true), cold], digest, 1)).toBe(cold);
  expect(choose([load({ held: 2, unknown: 2 })], digest, 1)).toBeUndefined();
});

test('credit follows the pace', () => {
  expect(wanted(0, 1)).toBe(0);
  // Nothing is known yet: one more for each slot.
  expect(wanted(4, Number.POSITIVE_INFINITY)).toBe(8);
  // 1 s each: nothing more than a next one.
  expect(wanted(4, 1000)).toBe(5);
  expect(wanted(2, 0.02)).toBe(2 + 4096);
  expect(wanted(64, 0.02)).toBe(64 + 4096);
});

test('the pace is learnt per bundle, and forgets the oldest', () => {
  const pace = new Pace();
  expect(pace.expect(digest)).toBe(Number.POSITIVE_INFINITY);
  pace.observe(digest, 100);
  pace.observe(digest, 200);
  expect(pace.expect(digest)).toBeCloseTo(120);
  expect(pace.overall).toBeCloseTo(120);
  for (let i = 0; i < 1024; i++) pace.observe(digestOf(String(i)), 1);
  expect(pace.expect(digest)).toBe(Number.POSITIVE_INFINITY);
});
