// What no honest peer sends: values, texts and names that break programs which trust their input.
import * as fc from 'fast-check';

/** Texts that are well-formed JavaScript strings, and hardly anything else. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '\0',
    'a\0b',
    '\ud800',
    '\udfff\ud800',
    '\uffff',
    '\u202e',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '../../etc/passwd',
    '..\\..\\x',
    '/dev/null',
    'file:///etc/passwd',
    "'; DROP TABLE tasks; --",
    '%00',
    '%',
    '*',
    '"',
    'NaN',
    '-1',
    '1e999',
    '9007199254740993',
    '$(x)',
    '<script>',
    '\r\nx-injected: 1',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc
    .tuple(fc.constantFrom('x', '\0', '€', '\ud83d\ude00', '\ud800'), fc.constantFrom(65, 257, 1025, 4097))
    .map(([unit, times]) => unit.repeat(times)),
);

/** Rare: each costs as much as hundreds of others. */
const huge = fc.constantFrom(70_000, 300_000).map(length => 'x'.repeat(length));

const hostileNumber = fc.constantFrom(
  0,
  -0,
  -1,
  0.5,
  1e-320,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  1e21,
  1e300,
  1.7976931348623157e308,
);

/** Nesting that no recursion survives is put into the text: a value that deep could not even be made into text. */
const DEEP = {
  '@arrays': ['[', ']'],
  '@objects': ['{"a":', '}'],
  '@causes': ['{"code":"x","message":"x","cause":', '}'],
};
const DEPTHS = [100, 1_000, 20_000] as const;
const nested = fc
  .tuple(fc.constantFrom(...Object.keys(DEEP)), fc.constantFrom(...DEPTHS))
  .map(([kind, depth]) => `${kind}${depth}`);

/** A generated value as JSON text. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  if (!text.includes('"@')) return text;
  return text.replace(/"(@[a-z]+)(\d+)"/g, (whole, kind: keyof typeof DEEP, depth: string) => {
    const [open, close] = DEEP[kind] ?? [];
    return open === undefined ? whole : `${open.repeat(Number(depth))}null${close!.repeat(Number(depth))}`;
  });
}

/** Names that mean something to objects themselves. As own properties, as a parser of JSON makes them. */
const prototypes = fc
  .constantFrom(
    '{"__proto__":{"admin":true}}',
    '{"constructor":{"prototype":{"admin":true}}}',
    '{"toString":1,"valueOf":null}',
    '{"hasOwnProperty":true,"length":-1}',
    '{"toJSON":{},"then":{}}',
    '{"__proto__":null}',
    '{"t":{"t":"hello"}}',
    '{"length":4294967295}',
  )
  .map(text => JSON.parse(text) as unknown);

/** JSON values of every wrong kind. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: hostileText },
  { weight: 12, arbitrary: hostileNumber },
  { weight: 6, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { a: {} }) },
  { weight: 6, arbitrary: prototypes },
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: nested },
  { weight: 1, arbitrary: fc.constantFrom(1_000, 5_000).map(length => new Array(length).fill(0)) },
  { weight: 1, arbitrary: huge },
);

export const hostileKey = fc.oneof(
  hostileText.filter(text => text.length < 100),
  fc.constantFrom('t', 'bytes', 'task', 'attempt', 'id', 'size', 'error', 'cause', 'value'),
);
