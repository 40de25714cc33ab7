import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  argumentsFromJson,
  argumentsTemplate,
  Compiler,
  findMarks,
  jsonForm,
  parametersOf,
  parseSource,
  type Schema,
} from '../../../language-server/functions/index.ts';
import { limits } from '../../../protocol/limits.ts';
import { folder } from '../../support/folder.ts';

const compiler = new Compiler();

function schemaOf(parameters: string, before = '', file = '/nowhere/a.ts'): Schema {
  const text = `${before}\n/** @remote */\nexport function f(${parameters}) {}\n`;
  const [marked] = findMarks(parseSource(text, file)).functions;
  return parametersOf(compiler.check(file, text), marked!);
}

const first = (schema: Schema): Schema => {
  const { title: _, ...rest } = (schema.prefixItems as Schema[])[0]!;
  return rest;
};

// The library types are read once.
beforeAll(() => void schemaOf('x: number'));

const Integer = { type: ['integer', 'string'], pattern: '^-?[0-9]+n?$' };

describe('types', () => {
  test.each<[string, Schema]>([
    ['string', { type: 'string' }],
    ['number', { type: 'number' }],
    ['boolean', { type: 'boolean' }],
    ['bigint', { ...Integer, 'x-runabout': 'BigInt' }],
    ['null', { type: 'null' }],
    ['unknown', {}],
    ['any', {}],
    ["'a'", { const: 'a' }],
    ["'a' | 'b' | 3", { enum: ['a', 'b', 3] }],
    ['string | number', { anyOf: [{ type: 'string' }, { type: 'number' }] }],
    ['string | null', { anyOf: [{ type: 'null' }, { type: 'string' }] }],
    ['number[]', { type: 'array', items: { type: 'number' } }],
    ['readonly string[]', { type: 'array', items: { type: 'string' } }],
    [
      '[number, string]',
      { type: 'array', prefixItems: [{ type: 'number' }, { type: 'string' }], items: false, minItems: 2 },
    ],
    [
      '[number, ...string[]]',
      { type: 'array', prefixItems: [{ type: 'number' }], items: { type: 'string' }, minItems: 1 },
    ],
    [
      '{ a: number; b?: string }',
      { type: 'object', properties: { a: { type: 'number' }, b: { type: 'string' } }, required: ['a'] },
    ],
    ['Record<string, number>', { type: 'object', additionalProperties: { type: 'number' } }],
    ['{ a: 1 } & { b: 2 }', { type: 'object', properties: { a: { const: 1 }, b: { const: 2 } }, required: ['a', 'b'] }],
    ['string & { __brand: 1 }', { type: 'string' }],
    ['Date', { type: 'string', format: 'date-time', 'x-runabout': 'Date' }],
    ['Float64Array', { type: 'array', items: { type: 'number' }, 'x-runabout': 'Float64Array' }],
    [
      'Uint8Array',
      {
        type: ['array', 'string'],
        items: { type: 'integer', minimum: 0, maximum: 255 },
        contentEncoding: 'base64',
        'x-runabout': 'Uint8Array',
      },
    ],
    ['Set<string>', { type: 'array', items: { type: 'string' }, 'x-runabout': 'Set' }],
    [
      'Map<string, Date>',
      {
        type: 'array',
        items: {
          type: 'array',
          prefixItems: [{ type: 'string' }, { type: 'string', format: 'date-time', 'x-runabout': 'Date' }],
          minItems: 2,
          items: false,
        },
        'x-runabout': 'Map',
      },
    ],
    [
      'ArrayBuffer',
      {
        type: ['array', 'string'],
        items: { type: 'integer', minimum: 0, maximum: 255 },
        contentEncoding: 'base64',
        'x-runabout': 'ArrayBuffer',
      },
    ],
    ['RegExp', { type: 'string', format: 'regexp', 'x-runabout': 'RegExp' }],
    ['URL', { not: {}, description: 'A URL cannot be sent: take its text.' }],
    ['Promise<number>', { not: {}, description: 'A promise cannot be sent: take the value itself.' }],
    ['() => void', { not: {}, description: 'A function cannot be sent.' }],
  ])('%s', (type, expected) => {
    expect(first(schemaOf(`x: ${type}`))).toEqual(expected);
  });

  test('enums, interfaces with their comments, and what is imported', () => {
    const root = folder('types');
    writeFileSync(join(root, 'shapes.ts'), 'export interface Shape { /** in metres */ side: number }\n');
    const before = "import type { Shape } from './shapes.ts';\nenum Colour { Red = 'red', Blue = 'blue' }";
    const schema = schemaOf('shape: Shape, colour: Colour', before, join(root, 'a.ts'));
    expect(schema.prefixItems).toEqual([
      {
        title: 'shape',
        type: 'object',
        properties: { side: { type: 'number', description: 'in metres' } },
        required: ['side'],
      },
      { title: 'colour', enum: ['red', 'blue'] },
    ]);
    // What is on disk has changed since: the next look sees it.
    writeFileSync(join(root, 'shapes.ts'), 'export interface Shape { size: string }\n');
    expect(first(schemaOf('shape: Shape', before, join(root, 'a.ts')))).toMatchObject({ required: ['size'] });
  });

  test('types that contain themselves become definitions', () => {
    const before = 'interface Tree { value: number; children?: Tree[] }\ntype Json = string | { [key: string]: Json };';
    const schema = schemaOf('tree: Tree, json: Json', before);
    expect((schema.prefixItems as Schema[])[0]).toEqual({ title: 'tree', $ref: '#/$defs/Tree' });
    expect((schema.$defs as Record<string, Schema>).Tree).toEqual({
      type: 'object',
      properties: { value: { type: 'number' }, children: { type: 'array', items: { $ref: '#/$defs/Tree' } } },
      required: ['value'],
    });
    const tree = { value: 1, children: [{ value: 2 }] };
    expect(argumentsFromJson([tree, { a: { b: 'c' } }], schema)).toEqual([tree, { a: { b: 'c' } }]);
    expect(() => argumentsFromJson([{ value: 1, children: [{}] }, 'x'], schema)).toThrow(
      /"tree.children.0" has no "value"/,
    );
  });

  test('JavaScript with JSDoc types', () => {
    const text =
      '/**\n * @param {number} a the first\n * @param {string} [b] the second\n * @remote\n */\nexport function f(a, b) {}\n';
    const [marked] = findMarks(parseSource(text, '/nowhere/a.js')).functions;
    expect(parametersOf(compiler.check('/nowhere/a.js', text), marked!)).toMatchObject({
      prefixItems: [
        { title: 'a', description: 'the first', type: 'number' },
        { title: 'b', description: 'the second' },
      ],
      minItems: 1,
    });
  });
});

test('a type that reaches half a library ends, and what comes after it is described', () => {
  const schema = schemaOf('a: HTMLElement, b: number');
  expect(JSON.stringify(schema).length).toBeLessThan(limits.schema);
  expect((schema.prefixItems as Schema[])[1]).toEqual({ title: 'b', type: 'number' });

  const huge = schemaOf('a: HTMLElement, b: SVGElement, c: Document, d: Window, e = 1');
  expect(JSON.stringify(huge).length).toBeLessThan(limits.schema);
  expect(huge.$defs).toBeUndefined();
  expect(huge).toMatchObject({ minItems: 4, prefixItems: [{ title: 'a' }, { title: 'b' }, {}, {}, { title: 'e' }] });
});

test('keys of an unknown type, whose members are named like those of every object', () => {
  expect(first(schemaOf('k: keyof any'))).toEqual({ anyOf: [{ type: 'string' }, { type: 'number' }, { not: {} }] });
  expect(first(schemaOf('a: { toString: String }'))).toMatchObject({ required: ['toString'] });
  expect(first(schemaOf('g: Generator<number>'))).toMatchObject({ type: 'object' });
});

test('optional, default and rest parameters; a pattern gets a name', () => {
  const schema = schemaOf('{ a }: { a: number }, b = [1], c?: string, ...rest: Date[]');
  expect(schema).toMatchObject({
    type: 'array',
    minItems: 1,
    prefixItems: [{ title: 'argument1' }, { title: 'b', default: [1] }, { title: 'c', type: 'string' }],
    items: { title: 'rest', 'x-runabout': 'Date' },
  });
  expect(schemaOf('')).toMatchObject({ items: false, minItems: 0 });
});

describe('arguments of a person', () => {
  const schema = schemaOf(
    "n: number, mode: 'a' | 'b' = 'a', when?: Date, by?: Map<string, Set<bigint>>, bytes?: Uint8Array, either?: Date | number, ...more: Float64Array[]",
  );

  test('become what the function takes', () => {
    const args = [1, 'b', '2026-01-31T12:00:00Z', [['x', [1, '99999999999999999999']]], 'AQI=', '2026-01-31', [1.5]];
    expect(argumentsFromJson(args, schema)).toEqual([
      1,
      'b',
      new Date('2026-01-31T12:00:00Z'),
      new Map([['x', new Set([1n, 99999999999999999999n])]]),
      new Uint8Array([1, 2]),
      new Date('2026-01-31'),
      new Float64Array([1.5]),
    ]);
    expect(argumentsFromJson([1], schema)).toEqual([1]);
  });

  test.each<[unknown[], string]>([
    [[], 'The argument "n" is missing.'],
    [['1'], 'The argument "n" must be number.'],
    [[1, 'c'], 'The argument "mode" must be one of "a", "b".'],
    [[1, 'a', 'soon'], 'The argument "when" must be a date and time, such as 2026-01-31T12:00:00Z.'],
    [[1, 'a', '2026-01-31', [], [256]], 'The argument "bytes.0" must be <= 255.'],
    [[1, 'a', '2026-01-31', [], [], 'x'], 'The argument "either" is of none of the types it may have.'],
    [[1, 'a', '2026-01-31', [], [], 1, ['x']], 'The argument "more.0" must be number.'],
  ])('%j is refused', (args, message) => {
    expect(() => argumentsFromJson(args, schema)).toThrow(
      expect.objectContaining({ code: 'arguments-invalid', message }),
    );
  });

  test('too many', () => {
    expect(() => argumentsFromJson([1, 2], schemaOf('a: number'))).toThrow(
      'There are 2 arguments; the function takes at most 1.',
    );
    expect(() => argumentsFromJson([1], schemaOf(''))).toThrow('There is 1 argument; the function takes none.');
  });

  test('go to JSON and back', () => {
    const values = [
      1,
      'b',
      new Date(0),
      new Map([['x', new Set([1n])]]),
      new Uint8Array([7]),
      3,
      new Float64Array([1]),
    ];
    expect(argumentsFromJson(JSON.parse(JSON.stringify(jsonForm(values))), schema)).toEqual(values);
  });
});

test('bytes and regular expressions are what the function takes, and promises and URLs are refused', () => {
  const schema = schemaOf('a: ArrayBuffer, b: RegExp, c?: DataView, d?: URL | string, e?: Promise<number>');
  const [buffer, pattern, view] = argumentsFromJson(['AQI=', '/a\\/+/gi', [3, 4]], schema);
  expect(buffer).toEqual(new Uint8Array([1, 2]).buffer);
  expect(pattern).toEqual(/a\/+/gi);
  expect((view as DataView).getUint8(1)).toBe(4);
  expect(jsonForm([buffer, pattern, view])).toEqual([[1, 2], '/a\\/+/gi', [3, 4]]);
  expect(argumentsFromJson([[], '/a/', [], 'http://a'], schema)[3]).toBe('http://a');
  const refused = (...args: unknown[]) => {
    try {
      argumentsFromJson(args, schema);
      return 'taken';
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refused([], 'a+')).toBe('The argument "b" must be a regular expression, such as /^a+$/i.');
  expect(refused([], '/a(/')).toBe('The argument "b" must be a regular expression, such as /^a+$/i.');
  expect(refused([], '/a/', [], { href: 'http://a' })).toBe('The argument "d" is of none of the types it may have.');
  expect(refused([], '/a/', [], '', {})).toBe('The argument "e" cannot be sent.');
  expect(() => argumentsFromJson(JSON.parse(argumentsTemplate(schema)), schema)).not.toThrow();
});

test('a class of a user that is named like one of the library is an object', () => {
  expect(first(schemaOf('x: URL', 'interface URL { path: string }\nexport {};'))).toMatchObject({ type: 'object' });
});

test('the template has a value for what is required, and fits the schema', () => {
  const schema = schemaOf(
    "a: number, b: { s: string; o?: number }, c: ('x' | 'y')[], d: Date, e: [number, boolean], f: Map<string, number>, g = 3, h?: string",
  );
  const template = argumentsTemplate(schema);
  expect(JSON.parse(template)).toEqual([0, { s: '' }, ['x'], expect.any(String), [0, false], expect.any(Array), 3]);
  expect(() => argumentsFromJson(JSON.parse(template), schema)).not.toThrow();
  expect(argumentsTemplate(schemaOf(''))).toBe('[]\n');
});

test('a tsconfig of the project holds', () => {
  const root = folder('tsconfig');
  mkdirSync(join(root, 'lib'));
  writeFileSync(join(root, 'package.json'), '{}');
  writeFileSync(join(root, 'lib', 'size.ts'), 'export type Size = 1 | 2;\n');
  writeFileSync(
    join(root, 'tsconfig.json'),
    '{ "compilerOptions": { "strict": true, "module": "esnext", "moduleResolution": "bundler", "paths": { "@lib/*": ["./lib/*"] } } }',
  );
  const schema = schemaOf('x: Size', "import type { Size } from '@lib/size';", join(root, 'a.ts'));
  expect(first(schema)).toEqual({ enum: [1, 2] });
});
