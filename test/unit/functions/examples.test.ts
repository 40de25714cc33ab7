import { expect, test } from 'vitest';
import { findMarks, parseSource } from '../../../language-server/functions/index.ts';

const markOf = (lines: string[], code = 'function fn(...xs: unknown[]) {}', eol = '\n') => {
  const text = ['/**', ' * @remote', ...lines.map(line => ` * ${line}`), ' */', code].join(eol);
  return { text, marked: findMarks(parseSource(text, 'a.ts')).functions[0]! };
};

test.each([
  ['fn()', []],
  ['fn(1, [2, 3])', [1, [2, 3]]],
  ['fn(-1.5, +2, 1e3, 0x10, 1_000)', [-1.5, 2, 1000, 16, 1000]],
  [`fn("a", 'b', \`c\`)`, ['a', 'b', 'c']],
  ['fn(true, false, null, undefined)', [true, false, null, undefined]],
  ["fn({ a: 1, 'b c': [{}], 3: 'x' })", [{ a: 1, 'b c': [{}], 3: 'x' }]],
  ["fn(new Date('2026-01-31'))", [new Date('2026-01-31')]],
  ["fn(new Map([['a', 1]]), new Set([1, 2]))", [new Map([['a', 1]]), new Set([1, 2])]],
  ['fn(new Float64Array([1, 2]), new Uint8Array([255]))', [new Float64Array([1, 2]), new Uint8Array([255])]],
  ['fn(12n, -3n, NaN, -Infinity)', [12n, -3n, Number.NaN, Number.NEGATIVE_INFINITY]],
  ['fn((1), [2] as number[])', [1, [2]]],
  ['await fn(1);', [1]],
  ['const x = await fn(1); // => 2', [1]],
])('%s', (call, args) => {
  const { marked } = markOf([`@example ${call}`]);
  expect(marked.problems).toEqual([]);
  expect(marked.examples.map(example => example.args)).toEqual([args]);
});

test('several, below the tag, fenced, over several lines, with CRLF', () => {
  const lines = [
    '@example <caption>Two</caption>',
    '```ts',
    'fn(1);',
    'fn({',
    '  a: 2,',
    '});',
    '```',
    '@example fn(3)',
    '@returns nothing',
  ];
  for (const eol of ['\n', '\r\n']) {
    const { text, marked } = markOf(lines, undefined, eol);
    expect(marked.problems).toEqual([]);
    expect(marked.examples.map(({ text: call }) => call)).toEqual(['fn(1)', 'fn({ a: 2, })', 'fn(3)']);
    const { start, end } = marked.examples[2]!.span;
    expect(text.slice(start, end)).toBe('fn(3)');
  }
});

test.each([
  ['@example other(1)', 'other(1)'],
  ['@example Call it with a number.', 'Call'],
  ['@example fn(x)', 'x'],
  ['@example fn(() => 1)', '() => 1'],
  ['@example fn(process.exit())', 'process.exit()'],
  ['@example fn(new Foo())', 'new Foo()'],
  ['@example fn({ ...a })', '...a'],
  [`@example fn(\`a\${1}\`)`, `\`a\${1}\``],
  ["@example fn(new Date('never'))", "new Date('never')"],
  ['@example', '@example'],
])('%s gets a hint and no lens', (line, where) => {
  const { text, marked } = markOf([line]);
  expect(marked.examples).toEqual([]);
  expect(marked.problems).toMatchObject([{ severity: 'hint', code: 'example-not-a-call' }]);
  const { start, end } = marked.problems[0]!.span;
  expect(text.slice(start, end)).toBe(where);
});

test('a prototype written as data stays data', () => {
  const { marked } = markOf(['@example fn({ "__proto__": { admin: true } })']);
  const [value] = marked.examples[0]!.args as [object];
  expect(Object.keys(value)).toEqual(['__proto__']);
  expect('admin' in value).toBe(false);
});

test('static methods by their whole name, a default export by any', () => {
  const method = '/** @remote\n * @example S.f(1)\n * @example f(1) */\n';
  const [f] = findMarks(parseSource(`class S {\n${method} static f(x: number) {} }`, 'a.ts')).functions;
  expect(f!.examples).toHaveLength(1);
  expect(markOf(['@example whatever(1)'], 'export default (x: number) => x').marked.examples).toHaveLength(1);
});
