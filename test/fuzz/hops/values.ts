import * as fc from 'fast-check';
import { cutValue } from '../../../extension/panel/cut.ts';
import { viewOf } from '../../../extension/panel/valueView.ts';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import { asJson } from '../../../protocol/values/as-json.ts';
import { decodeValue, encodeValue } from '../../../protocol/values/codec.ts';
import type { ContentType } from '../../../protocol/values/payload.ts';
import { preview } from '../../../protocol/values/preview.ts';
import { damagedBytes } from '../generators/damage.ts';
import { hostileValue, toJson } from '../generators/hostile.ts';
import type { Hop } from '../hop.ts';
import { must, Violation } from '../violation.ts';

type Input = { encode: unknown } | { type: ContentType; bytes: Uint8Array };

const values = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
  }),
  hostileValue,
);

const encoded = values.map(value => {
  try {
    return encodeValue(value);
  } catch {
    return { type: 'application/json' as const, bytes: Buffer.from('null') };
  }
});

/** Headers of msgpack that promise more than follows: arrays, maps, strings, extensions, each as large as it goes. */
const promises = fc
  .array(
    fc.constantFrom(
      'dd7fffffff',
      'ddffffffff',
      'dcffff',
      'df7fffffff',
      'dbffffffff',
      'c6ffffffff',
      'c9ffffffff65',
      'c97fffffff62',
      'd672',
      'd6690000ffff',
      'd67000000001',
      'c70165',
      '92',
      '9a',
      '81',
      'd47240',
      '40',
      '41',
      'c0',
      '01',
      'a1',
      '61',
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map(parts => Buffer.from(parts.join(''), 'hex'));

const type = fc.constantFrom<ContentType>('application/json', 'application/msgpack');
const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 3, arbitrary: values.map(encode => ({ encode })) },
  {
    weight: 4,
    arbitrary: encoded.chain(({ type, bytes }) => damagedBytes(fc.constant(bytes)).map(bytes => ({ type, bytes }))),
  },
  { weight: 1, arbitrary: fc.record({ type, bytes: fc.uint8Array({ maxLength: 80 }) }) },
  {
    weight: 1,
    arbitrary: hostileValue.map(value => ({ type: 'application/json' as const, bytes: Buffer.from(toJson(value)) })),
  },
  { weight: 1, arbitrary: promises.map(bytes => ({ type: 'application/msgpack' as const, bytes })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('91', '81a161', 'd4720091a161', 'd40373'), fc.constantFrom(100, 5_000, 100_000))
      .map(([open, depth]) => ({
        type: 'application/msgpack' as const,
        bytes: Buffer.from(`${open.repeat(depth)}c0`, 'hex'),
      })),
  },
);

/** The codec of users' values, and what shows them: any bytes decode or are refused, and what decodes can be shown. */
export function valuesHop(): Hop<Input> {
  return {
    name: 'values',
    share: 12,
    lanes: 1,
    input,
    count: () => 1,
    check(input) {
      if ('encode' in input) {
        const payload = orRefused(() => encodeValue(input.encode), 'result-not-sendable');
        if (!payload) return 'not sendable';
        show(decodeValue(payload));
      } else {
        const value = orRefused(() => ({ value: decodeValue(input) }), 'request-invalid');
        if (!value) return 'not decodable';
        show(value.value);
      }
      must(({} as { admin?: unknown }).admin === undefined, 'A value changed the prototype of every object.');
      return 'shown';
    },
  };
}

/** @throws Violation when it is refused with another error than `code` */
function orRefused<T>(work: () => T, code: RunaboutError['code']): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof RunaboutError && error.code === code) return undefined;
    throw new Violation(`The codec throws ${error}`, { cause: error });
  }
}

/** What the terminal and the editor do with a value. */
function show(value: unknown): void {
  must(preview(value).length <= 80, 'A preview is longer than asked for.');
  JSON.stringify(asJson(value));
  cutValue(value);
  viewOf(value);
}
