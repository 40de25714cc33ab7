import Ajv from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { argumentsText, readArguments } from '../../../extension/run/argumentsText.ts';
import { argumentsFromSchema, takesArguments } from '../../../extension/run/template.ts';
import { RunaboutError } from '../../../protocol/errors/error.ts';

describe('the document that asks for arguments', () => {
  test('gives back what it was made from', () => {
    const text = argumentsText(
      'mean(values: number[],\n  digits = 2): number',
      'runabout-schema:/a',
      '[\n  [1, 2],\n  "// no"\n]',
    );
    expect(text).toContain('// mean(values: number[], digits = 2): number\n');
    expect(readArguments(text)).toEqual([[1, 2], '// no']);
  });

  test.each([
    ['comments', '{ /* a\n b */ "arguments": [1] // end\n}', [1]],
    ['a comma too many', '{ "arguments": [1, [2,],], }', [1, [2]]],
    ['comment marks in strings', '{ "arguments": ["/* x */", "a\\"//b", ",]"] }', ['/* x */', 'a"//b', ',]']],
  ])('takes %s', (_, text, args) => {
    expect(readArguments(text)).toEqual(args);
  });

  test.each([['{'], ['{ "arguments": 1 }'], ['[1]'], ['null'], ['{ "arguments": [1 2] }'], ['']])(
    'refuses %j with a code and a reason',
    text => {
      expect(() => readArguments(text)).toThrow(RunaboutError);
      expect(() => readArguments(text)).toThrow(/arguments/);
    },
  );
});

describe('arguments to start from', () => {
  const schema = {
    type: 'array',
    prefixItems: [
      { title: 'values', type: 'array', items: { type: 'number' } },
      { title: 'mode', enum: ['fast', 'exact'] },
      {
        title: 'options',
        type: 'object',
        required: ['a'],
        properties: { a: { type: 'integer' }, b: { type: 'string' } },
      },
      { title: 'who', anyOf: [{ type: 'string' }, { type: 'null' }] },
      { title: 'pair', type: 'array', prefixItems: [{ type: 'boolean' }, { const: 7 }], minItems: 2 },
      { title: 'digits', type: 'integer', default: 2 },
    ],
    minItems: 5,
  };

  test('fit the schema, and leave out what is optional', () => {
    const args = argumentsFromSchema(schema);
    expect(args).toEqual([[], 'fast', { a: 0 }, '', [false, 7]]);
    const validate = new Ajv({ strict: false }).compile(schema);
    expect(validate(args), JSON.stringify(validate.errors)).toBe(true);
  });

  test('a function without parameters takes none', () => {
    expect(takesArguments({ type: 'array', prefixItems: [], items: false })).toBe(false);
    expect(takesArguments(undefined)).toBe(false);
    expect(takesArguments({ type: 'array', items: { type: 'number' } })).toBe(true);
    expect(takesArguments(schema)).toBe(true);
  });
});
