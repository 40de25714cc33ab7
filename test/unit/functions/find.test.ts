import { describe, expect, test } from 'vitest';
import {
  checkCaptures,
  findMarks,
  isRunnable,
  parseSource,
  reparseSource,
} from '../../../language-server/functions/index.ts';

const marksOf = (text: string, file = 'a.ts') => findMarks(parseSource(text, file));
const M = '/** @remote */\n';

describe('what can be marked', () => {
  test.each([
    ['function f() {}', 'f', 'sync', 'name'],
    ['export function f() {}', 'f', 'sync', 'name'],
    ['export default function f() {}', 'f', 'sync', 'name'],
    ['export default function () {}', 'default', 'sync', 'anonymous-default'],
    ['export default async () => 1', 'default', 'async', 'anonymous-default'],
    ['export default (function* () {})', 'default', 'generator', 'anonymous-default'],
    ['async function f() {}', 'f', 'async', 'name'],
    ['function* f() {}', 'f', 'generator', 'name'],
    ['async function* f() {}', 'f', 'async-generator', 'name'],
    ['const f = () => 1', 'f', 'sync', 'name'],
    ['export const f = async (x: number) => x', 'f', 'async', 'name'],
    ['const f = function* () {}', 'f', 'generator', 'name'],
    ['const f = (x => x) as (x: number) => number', 'f', 'sync', 'name'],
    ['const f = ((x: number) => x) satisfies Fn', 'f', 'sync', 'name'],
  ])('%s', (code, name, kind, access) => {
    const { functions, stray } = marksOf(M + code);
    expect(stray).toEqual([]);
    expect(functions).toMatchObject([{ name, kind, access, problems: [] }]);
  });

  test.each([
    ['class S { MARK static f() {} }', 'S.f', 'sync'],
    ['export class S { MARK static async *f() {} }', 'S.f', 'async-generator'],
    ['export default class S { MARK static f = async () => 1; }', 'S.f', 'async'],
    ['const S = class { MARK static f() {} }', 'S.f', 'sync'],
  ])('%s', (code, name, kind) => {
    const { functions } = marksOf(code.replace('MARK', '/** @remote */'));
    expect(functions).toMatchObject([{ name, kind, access: 'static-method', problems: [] }]);
  });

  test.each(['a.ts', 'a.tsx', 'a.js', 'a.jsx', 'a.mts', 'a.cjs'])('in %s', file => {
    expect(marksOf(`${M}function f(x) { return x; }`, file).functions).toMatchObject([{ name: 'f', problems: [] }]);
  });

  test('in JSX', () => {
    const { functions } = marksOf(`${M}export const V = () => <p title="@remote">{1}</p>;`, 'a.tsx');
    expect(functions).toMatchObject([{ name: 'V', problems: [] }]);
  });
});

describe('what cannot', () => {
  test.each([
    ['/** @remote */ function f(): void;\nfunction f() {}', 'no-body'],
    ['/** @remote */ declare function f(): void;', 'no-body'],
    ['/** @remote */ let f = () => 1;', 'not-const'],
    ['/** @remote */ const f = wrap(() => 1);', 'mark-misplaced'],
    ['/** @remote */ const f = 1, g = () => 1;', 'mark-misplaced'],
    ['/** @remote */ class C {}', 'mark-misplaced'],
    ['/** @remote */ interface I {}', 'mark-misplaced'],
    ['/** @remote */ export default f;', 'mark-misplaced'],
    ['class C { /** @remote */ f() {} }', 'instance-method'],
    ['class C { /** @remote */ constructor() {} }', 'mark-misplaced'],
    ['class C { /** @remote */ static #f() {} }', 'mark-misplaced'],
    ['export default class { /** @remote */ static f() {} }', 'mark-misplaced'],
    ['const o = { /** @remote */ f() {} };', 'mark-misplaced'],
    ['function f() {}\n/** @remote */', 'mark-misplaced'],
  ])('%s', (code, problem) => {
    const { functions, stray } = marksOf(code);
    expect(functions).toEqual([]);
    expect(stray).toMatchObject([{ severity: 'error', code: problem }]);
  });

  test.each([
    ['class S { /** @remote */ static f() { return this.x; } }', 'uses-this'],
    ['/** @remote */ function f() { return () => this; }', 'uses-this'],
    ['/** @remote */ function f(a = this) { return a; }', 'uses-this'],
    ['function g() {\n/** @remote */\nfunction f() {} }', 'nested'],
    ['{\n/** @remote */\nfunction f() {} }', 'nested'],
    ['namespace N {\n/** @remote */\nexport function f() {} }', 'nested'],
    ['/** @remote */\n/** @remote */\nfunction f() {}', 'mark-twice'],
  ])('%s', (code, problem) => {
    const { functions } = marksOf(code);
    expect(functions[0]!.problems).toMatchObject([{ code: problem }]);
    expect(isRunnable(functions[0]!)).toBe(false);
  });

  test('this of an inner function or class is its own', () => {
    const { functions } = marksOf(
      `${M}function f() { function g() { return this; } class C { m() { return this; } } return g; }`,
    );
    expect(functions[0]!.problems).toEqual([]);
  });
});

test.each([
  ['prose', '/** See @remote for more. */\nfunction f() {}'],
  ['a longer word', '/** @remotely */\nfunction f() {}'],
  ['a comment with one star', '/* @remote */\nfunction f() {}'],
  ['a line comment', '// @remote\nfunction f() {}'],
  ['a string', 'const s = "/** @remote */";\nfunction f() {}'],
  ['a template', 'const s = `\n/** @remote */\nfunction f() {}`;'],
])('%s is no mark', (_, code) => {
  expect(marksOf(code)).toEqual({ functions: [], stray: [] });
});

test('spans, signature and description are those of the text, with CRLF too', () => {
  const text =
    '/**\n * Adds,\n * slowly.\n *\n * @param a one\n * @remote\n */\nexport function add(\n  a: number,\n  b = 2,\n): number {\n  return a + b;\n}\n';
  for (const code of [text, text.replaceAll('\n', '\r\n')]) {
    const [add] = marksOf(code).functions;
    expect(add).toMatchObject({
      signature: '(a: number, b = 2): number',
      description: 'Adds, slowly.',
      takesArguments: true,
    });
    expect(code.slice(add!.nameSpan.start, add!.nameSpan.end)).toBe('add');
    expect(code.slice(add!.tagSpan.start, add!.tagSpan.end)).toBe('@remote');
    expect(code.slice(add!.span.start, add!.span.end)).toMatch(/^export function[\s\S]*}$/);
  }
});

test('faulty text keeps the marks that are whole', () => {
  const text = `const x = {{{ ;\n${M}export function f() { return 1; }\n(((`;
  expect(marksOf(text).functions.map(({ name }) => name)).toEqual(['f']);
});

test('after any row of edits the tree says the same as a fresh one', () => {
  let text = `let n = 0; n++;\n${M}function f(x: number) { return x; }\n\nfunction o() { const x = 1;\n${M}function i() { return x; } }\nclass S {\n  ${M}  static g() { return 2; }\n}\n`;
  let source = parseSource(text, 'a.ts');
  const edits: [string, string][] = [
    ['return x', 'return x + n'],
    ['const x = 1', 'const y = 1'],
    ['let n', 'const n'],
    ['function f', '  async function f'],
    ['/** @remote */\n', ''],
    ['class S {', 'class S {\n  /** @remote timeout=1s */ static h() {}\n'],
    ['static g', 'g'],
    ['}\n', ''],
    ['return 2;', 'return `${{'],
    ['`${{', '2; }'],
  ];
  for (const [before, after] of edits) {
    const start = text.indexOf(before);
    text = text.slice(0, start) + after + text.slice(start + before.length);
    source = reparseSource(source, text, { start, removed: before.length, inserted: after.length });
    const marks = findMarks(source);
    expect(marks).toEqual(marksOf(text));
    // Binding names leaves traces in the tree, which must not mislead the next round.
    const fresh = parseSource(text, 'a.ts');
    const captures = (of: typeof source) => [...checkCaptures(of, findMarks(of)).values()];
    expect(captures(source)).toEqual(captures(fresh));
  }
});
