import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTooDeep, parseJson } from '../../../protocol/json.ts';

const nested = (levels: number, inner = '') => `${'['.repeat(levels)}${inner}${']'.repeat(levels)}`;
/** Long enough to be looked at. */
const LONG = JSON.stringify('x'.repeat(2_000));

test('JSON is read up to 500 levels, and refused beyond', () => {
  expect(parseJson(nested(500, LONG))).toBeInstanceOf(Array);
  expect(() => parseJson(nested(501, LONG))).toThrow(SyntaxError);
  expect(() => parseJson(`{"a":${'{"a":'.repeat(600)}1${'}'.repeat(601)}`)).toThrow(SyntaxError);
  // `zod` measures anything with a length, and JavaScript makes a text of it first.
  expect(() => parseJson(`{"reason":{"length":${nested(20_000)}}}`)).toThrow(SyntaxError);
});

test('what stands in strings is no nesting, whatever is escaped there', () => {
  const texts = fc.array(fc.constantFrom('[', '{', '"', '\\', '\\"', 'x'), { minLength: 2_000, maxLength: 2_500 });
  fc.assert(
    fc.property(texts, parts => {
      const value = { [parts.join('')]: [parts.join(''), '['.repeat(600)] };
      expect(parseJson(JSON.stringify(value))).toEqual(value);
    }),
    { numRuns: 50 },
  );
});

test('a text that is no JSON ends as well', () => {
  for (const text of ['"'.repeat(2_001), `${LONG.slice(0, -1)}\\`, ']'.repeat(2_000)]) {
    expect(isTooDeep(text)).toBe(false);
    expect(() => parseJson(text)).toThrow(SyntaxError);
  }
});
