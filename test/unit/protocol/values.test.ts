import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { asJson } from '../../../protocol/values/as-json.ts';
import { decodeValue, encodeValue } from '../../../protocol/values/codec.ts';
import type { Payload } from '../../../protocol/values/payload.ts';
import { fromJsonPayload, toJsonPayload } from '../../../protocol/values/payload.ts';
import { preview } from '../../../protocol/values/preview.ts';

describe('codec', () => {
  test('JSON values travel as JSON, and come back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        // These keys mean something to JSON.stringify or to assignment: such a value takes the other way.
        fc.pre(!/"(__proto__|toJSON)":/.test(JSON.stringify(value)));
        const payload = encodeValue(value);
        expect(payload.type).toBe('application/json');
        expect(decodeValue(payload)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test.each([
    [
      'a Map',
      new Map<unknown, unknown>([
        ['a', 1n],
        [2, { deep: new Set(['x']) }],
      ]),
    ],
    ['a Set', new Set([1, 'two', null])],
    ['a Date', new Date('2026-11-24T06:00:00.000Z')],
    ['a BigInt', 2n ** 70n],
    ['undefined', undefined],
    ['undefined in an object', { a: undefined, b: 1 }],
    ['NaN and the infinities', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ['typed arrays', [new Float64Array([1.5, -2]), new Int16Array([1, -1]), new Uint8Array([1, 2])]],
    ['objects beside Maps', { object: { a: 1 }, map: new Map([['a', 1]]) }],
  ])('%s travels as msgpack, and comes back', (_name, value) => {
    const payload = encodeValue(value);
    expect(payload.type).toBe('application/msgpack');
    expect(decodeValue(payload)).toEqual(value);
  });

  test('the environment of a process is a value like any other', () => {
    const payload = encodeValue(process.env);
    expect(decodeValue(payload)).toEqual({ ...process.env });
    expect(decodeValue(encodeValue([new Date(0), process.env]))).toEqual([new Date(0), { ...process.env }]);
  });

  test('an Error in a value comes without a stack of where it was decoded', () => {
    const { stackTraceLimit } = Error;
    const error = decodeValue(encodeValue({ error: new RangeError('too far') })) as { error: Error };
    expect(error.error).toBeInstanceOf(RangeError);
    expect(error.error.stack).toBe('RangeError: too far');
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
  });

  test('the same value is the same bytes', () => {
    const value = () => ({ when: new Date(0), rows: [{ a: 1n }, { a: 2n }] });
    expect(encodeValue(value()).bytes).toEqual(encodeValue(value()).bytes);
  });

  class Point {
    x = 1;
  }
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  let deep: unknown = 0;
  for (let i = 0; i < 1000; i++) deep = [deep];
  test.each([
    ['a function', { rows: [{ callback: () => 1 }] }, /at \.rows\[0\]\.callback is a function/],
    ['a symbol', Symbol('s'), /is a symbol/],
    ['a cycle', cycle, /at \.self contains itself/],
    ['an instance', [new Point()], /at \[0\] is an instance of Point/],
    [
      'an instance of a nameless class',
      new (class {
        area() {}
      })(),
      /is an instance of a class/,
    ],
    ['a promise', { later: Promise.resolve(1) }, /at \.later is an instance of Promise/],
    ['bottomless nesting', deep, /nested deeper/],
  ])('%s cannot be sent, and the error says where', (_name, value, message) => {
    expect(() => encodeValue(value)).toThrow(
      expect.objectContaining({ code: 'result-not-sendable', message: expect.stringMatching(message) }),
    );
  });

  test('bytes that are not of their type are request-invalid', () => {
    for (const type of ['application/json', 'application/msgpack'] as const) {
      expect(() => decodeValue({ type, bytes: Buffer.from([0xc1, 0x7b]) })).toThrow(
        expect.objectContaining({ code: 'request-invalid' }),
      );
    }
  });

  test('payloads survive a JSON body', () => {
    for (const value of [{ a: 'ü' }, new Map([['a', 1n]])]) {
      const payload = encodeValue(value);
      const back = fromJsonPayload(JSON.parse(JSON.stringify(toJsonPayload(payload))))!;
      expect(decodeValue(back)).toEqual(value);
    }
  });
});

describe('preview', () => {
  test.each<[unknown, string]>([
    ['plain text', 'plain text'],
    ['two\nlines\tand a tab', 'two⏎lines and a tab'],
    ['\u202eevil', ' evil'],
    [42, '42'],
    [-0, '-0'],
    [7n, '7n'],
    [undefined, 'undefined'],
    [null, 'null'],
    [[], '[]'],
    [[1, 'a', [2]], "[1, 'a', [2]]"],
    [{}, '{}'],
    [{ a: 1, 'b c': null }, "{ a: 1, 'b c': null }"],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(Number.NaN), 'Invalid Date'],
    [new Map([['k', 1]]), "Map(1) {'k' => 1}"],
    [new Set([1, 2]), 'Set(2) {1, 2}'],
    [new Float64Array([1, 2.5]), 'Float64Array(2) [1, 2.5]'],
  ])('%o reads as %s', (value, text) => {
    expect(preview(value)).toBe(text);
  });

  test('never longer than asked for, never more than a line, whatever the value', () => {
    fc.assert(
      fc.property(fc.anything(), fc.integer({ min: 1, max: 120 }), (value, max) => {
        const text = preview(value, max);
        expect(text.length).toBeLessThanOrEqual(max);
        expect(text).not.toMatch(/[\n\r\u2028\u2029]/);
      }),
    );
  });

  test('a huge value costs no more than its line', () => {
    let read = 0;
    const rows = new Proxy(new Array(1_000_000).fill(0), {
      get(target, key) {
        read += 1;
        return Reflect.get(target, key);
      },
    });
    preview(rows);
    expect(read).toBeLessThan(200);
  });
});

test('asJson makes readable JSON of everything', () => {
  const value = {
    when: new Date(0),
    big: 5n,
    bytes: new Uint8Array([1, 2, 3]),
    series: new Float64Array([1, 2]),
    map: new Map([[1, new Set(['a'])]]),
  };
  expect(JSON.parse(JSON.stringify(asJson(value)))).toEqual({
    when: '1970-01-01T00:00:00.000Z',
    big: '5',
    bytes: 'AQID',
    series: [1, 2],
    map: { 1: ['a'] },
  });
});

describe('what a hostile peer encodes', () => {
  const refused = expect.objectContaining({ code: 'request-invalid' });

  test.each<[string, Payload]>([
    ['arrays in JSON', { type: 'application/json', bytes: Buffer.from('['.repeat(20_000) + ']'.repeat(20_000)) }],
    ['arrays in msgpack', { type: 'application/msgpack', bytes: Buffer.from(`${'91'.repeat(600)}c0`, 'hex') }],
    ['maps in msgpack', { type: 'application/msgpack', bytes: Buffer.from(`${'81a161'.repeat(600)}c0`, 'hex') }],
  ])('%s, deeper than anything that is sent: refused, for what shows it would run out of stack', (_what, payload) => {
    expect(() => decodeValue(payload)).toThrow(refused);
  });

  test('a value that contains itself: refused, for nobody could walk it', () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const bytes = new Packr({ structuredClone: true, moreTypes: true, useRecords: true }).pack(cyclic);
    expect(() => decodeValue({ type: 'application/msgpack', bytes })).toThrow(refused);
  });

  test('a thing that stands in itself a billion times: refused; twice is well', () => {
    let doubled: unknown[] = [1];
    for (let i = 0; i < 40; i++) doubled = [doubled, doubled];
    const { type, bytes } = {
      type: 'application/msgpack' as const,
      bytes: new Packr({ structuredClone: true }).pack(doubled),
    };
    expect(bytes.length).toBeLessThan(2_000);
    expect(() => decodeValue({ type, bytes })).toThrow(refused);
    const shared = { a: 1 };
    expect(decodeValue(encodeValue(new Set([shared, [shared]])))).toEqual(new Set([shared, [shared]]));
  });

  test('a Map with keys that have no text of their own is sent like any other', () => {
    const key = [Object.create(null)];
    expect(decodeValue(encodeValue(new Map([[key, 1]])))).toEqual(new Map([[[{}], 1]]));
  });
});

test('asJson takes any key of a map', () => {
  const keys = new Map<unknown, number>([
    [{ toString: 0 }, 1],
    [[1, 'a'], 2],
    [null, 3],
    [7n, 4],
  ]);
  expect(asJson(keys)).toEqual({ '{"toString":0}': 1, '[1,"a"]': 2, null: 3, 7: 4 });
});
