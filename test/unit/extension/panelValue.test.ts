import { describe, expect, test } from 'vitest';
import { cutValue, treeLimits } from '../../../extension/panel/cut.ts';
import { valueState } from '../../../extension/panel/taskView.ts';
import { sample, viewLimits, viewOf } from '../../../extension/panel/valueView.ts';

describe('a value as a tree', () => {
  test('keeps kinds apart', () => {
    const value = new Map<unknown, unknown>([
      ['when', new Date(0)],
      [1, new Set([1n])],
      ['bytes', new Uint8Array([1, 255])],
    ]);
    const { tree, cut } = cutValue(value);
    expect(cut).toBe(false);
    expect(tree).toEqual({
      kind: 'branch',
      type: 'Map',
      label: 'Map(3)',
      omitted: 0,
      entries: [
        { key: 'when', value: { kind: 'leaf', type: 'Date', text: '1970-01-01T00:00:00.000Z' } },
        {
          key: '1',
          value: {
            kind: 'branch',
            type: 'Set',
            label: 'Set(1)',
            omitted: 0,
            entries: [{ key: '0', value: { kind: 'leaf', type: 'bigint', text: '1n' } }],
          },
        },
        { key: 'bytes', value: { kind: 'leaf', type: 'Uint8Array', text: '2 bytes: 01 ff' } },
      ],
    });
  });

  test.each([
    ['deep', deep(100)],
    ['long', Array.from({ length: 100_000 }, (_, i) => i)],
    ['wide and deep', wide(6)],
    ['one long text', 'x'.repeat(5_000_000)],
    ['many long texts', Array.from({ length: 1000 }, () => 'y'.repeat(9_000))],
    ['long keys', { ['k'.repeat(3_000_000)]: 1 }],
  ])('is cut below 1 MB when it is %s, and says so', (_, value) => {
    const { tree, cut } = cutValue(value);
    expect(cut).toBe(true);
    expect(JSON.stringify(tree).length).toBeLessThan(1_000_000);
  });

  test('says how many entries are missing', () => {
    const { tree } = cutValue(Array.from({ length: 1000 }, () => 0));
    expect(tree).toMatchObject({ omitted: 1000 - treeLimits.entries });
  });
});

function deep(depth: number): unknown {
  return depth === 0 ? 1 : { down: deep(depth - 1) };
}

function wide(depth: number): unknown {
  return depth === 0 ? 1 : Array.from({ length: 10 }, () => wide(depth - 1));
}

describe('how else a value may be shown', () => {
  test('records as a table of at most so many rows', () => {
    const rows = Array.from({ length: 1500 }, (_, i) => (i === 1 ? { a: i, c: [1] } : { a: i, b: 'x' }));
    const view = viewOf(rows);
    expect(view).toMatchObject({ kind: 'table', columns: ['a', 'b', 'c'], omitted: 500 });
    expect(view?.kind === 'table' && view.rows.length).toBe(viewLimits.rows);
    expect(view?.kind === 'table' && view.rows[1]).toEqual(['1', '', '[1]']);
  });

  test('numbers as a plot, whatever array they are in', () => {
    expect(viewOf([1, 2, 3])).toEqual({ kind: 'plot', y: [1, 2, 3], length: 3 });
    expect(viewOf(new Float64Array([1, 2]))).toEqual({ kind: 'plot', y: [1, 2], length: 2 });
  });

  test('a long plot keeps its peaks', () => {
    const numbers = Array.from({ length: 1_000_000 }, () => 0);
    numbers[123_456] = 9;
    numbers[654_321] = -9;
    const y = sample(numbers, viewLimits.points);
    expect(y.length).toBeLessThanOrEqual(viewLimits.points);
    expect(Math.max(...y)).toBe(9);
    expect(Math.min(...y)).toBe(-9);
  });

  test('PNG bytes as an image, other bytes as nothing else', () => {
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2]);
    expect(viewOf(png)).toEqual({ kind: 'image', mime: 'image/png', base64: Buffer.from(png).toString('base64') });
    expect(viewOf(new Uint8Array(10))).toBeUndefined();
    expect(viewOf(Buffer.concat([png, Buffer.alloc(viewLimits.imageBytes)]))).toBeUndefined();
  });

  test.each([[[]], [[1]], [[1, 'a']], ['text'], [42], [null], [[[1], [2]]], [{ a: 1 }], [new BigInt64Array(3)]])(
    'value %# only as a tree',
    value => {
      expect(viewOf(value)).toBeUndefined();
    },
  );
});

test('a cut value says so and how large it is', () => {
  expect(valueState('x'.repeat(100_000), 100_002).cut).toContain('100.0 kB');
  expect(valueState(1, 1).cut).toBeUndefined();
});

test('an object is one, whatever properties it has', () => {
  const value = JSON.parse('{"constructor":{"prototype":1},"name":"x"}') as unknown;
  expect(cutValue(value).tree).toMatchObject({ kind: 'branch', type: 'object', label: '{2}' });
  expect(cutValue(Object.create(null)).tree).toMatchObject({ type: 'object', label: '{0}' });
});
