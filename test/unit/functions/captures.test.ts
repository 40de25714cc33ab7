import { expect, test } from 'vitest';
import {
  checkCaptures,
  checkText,
  findMarks,
  mayCapture,
  parseSource,
} from '../../../language-server/functions/index.ts';

function problemsOf(code: string) {
  const { functions } = checkText(code, '/p/a.ts');
  const problems = functions.flatMap(marked => marked.problems.map(problem => ({ name: marked.name, ...problem })));
  // The editor asks only where something may be found.
  const source = parseSource(code, '/p/a.ts');
  if (problems.some(({ code: kind }) => kind === 'captures' || kind === 'mutable-state')) {
    expect(mayCapture(source, findMarks(source))).toBe(true);
  }
  return problems;
}
const M = '\n/** @remote */\n';

test.each([
  [`function outer() { const secret = 1;${M}function f() { return secret; } }`, 'secret'],
  [`function outer(secret: number) {${M}const f = () => secret; }`, 'secret'],
  [`const outer = () => { let { secret } = x;${M}function f() { return { secret }; } }`, 'secret'],
  [`function outer() { for (const secret of []) {${M}function f() { return [secret]; } } }`, 'secret'],
  [`function outer() { try {} catch (secret) {${M}function f() { throw secret; } } }`, 'secret'],
  [`{ const secret = 1;${M}function f() { return secret; } }`, 'secret'],
  [`function outer() { function secret() {}${M}function f() { return secret(); } }`, 'secret'],
  [`function outer() { class Secret {}${M}function f() { return new Secret(); } }`, 'Secret'],
  [`function outer() { class Secret {}${M}function f() { return class extends Secret {}; } }`, 'Secret'],
  [`function outer() { const secret = (x: any) => x;${M}function f() { return secret<number>; } }`, 'secret'],
  [`function outer() { { var secret = 1; }${M}function f() { return secret; } }`, 'secret'],
])('%s captures it', (code, name) => {
  const [problem, ...others] = problemsOf(code);
  expect(others).toEqual([]);
  expect(problem).toMatchObject({ code: 'captures', severity: 'error' });
  expect(problem!.message).toContain(`"${name}"`);
  expect(code.slice(problem!.span.start, problem!.span.end)).toBe(name);
});

test.each([
  ['an own local', `${M}function f(a: number) { const b = a; return () => a + b; }`],
  ['a constant of the module', `const one = 1;${M}function f() { return one; }`],
  ['an import', `import { x } from './x';${M}function f() { return x; }`],
  ['a function further down', `${M}function f() { return g(); }\nfunction g() {}`],
  ['a global', `${M}function f() { return Math.max(1); }`],
  ['a property of that name', `let count = 0; count++;${M}function f(o: any) { return o.count + { count: 1 }.count; }`],
  ['a parameter of that name', `let count = 0; count++;${M}function f(count: number) { return count; }`],
  ['a type of that name', `let count = 0; count++;${M}function f() { type count = 1; let x: count = 1; return x; }`],
  ['a var of a block, which is one of the module', `if (1) { var x = 1; }${M}function f() { return x; }`],
  ['what a class promises', `let P = 1; P++;${M}function f() { return class implements P {}; }`],
  ['a let that gets its one value later', `let x;\nx = load();${M}function f() { return x; }`],
  ['a let that gets its one value in a try', `let x; try { x = load(); } catch {}${M}function f() { return x; }`],
  ['a let that gets its one value from a pattern', `let x; ({ x } = load());${M}function f() { return x; }`],
  ['a let that never changes', `let count = 1;${M}function f() { return count; }`],
])('%s is well', (_, code) => {
  expect(problemsOf(code)).toEqual([]);
});

test.each([
  'let count = 0; count++;',
  'let count = 0; function tick() { count += 1; }',
  'var count = 0; count = 5;',
  'for (var count = 0; count < 3; count++) {}',
  'let count = 0; [count] = [1];',
  'let count = 0; ({ count } = { count: 1 });',
  'let count = 0; ({ a: count } = { a: 1 });',
  'let count; for (count of []) {}',
  'let count; while (more()) count = 1;',
  'let count; function set() { count = 1; }',
  'let count; count = 1; count = 2;',
  'let count = 0; if (1) count = 1;',
])('%s is a warning to who reads it', declaration => {
  const code = `${declaration}${M}function f() { return count + count; }`;
  const [problem, ...others] = problemsOf(code);
  expect(others).toEqual([]);
  expect(problem).toMatchObject({ code: 'mutable-state', severity: 'warning', name: 'f' });
  expect(problem!.span.start).toBe(code.lastIndexOf('count + count'));
});

test('a nested function that captures nothing is told to move', () => {
  const [problem] = problemsOf(`function outer() {${M}function f() { return 1; } }`);
  expect(problem).toMatchObject({ code: 'nested' });
  expect(problem!.message).toContain('"outer"');
});

test.each([
  ['nothing that changes', `const n = 1;\n${M}function f() { return n; }`, false],
  ['a variable that it does not name', `let n = 1;\n${M}function f() { return 1; }`, false],
  ['a variable that it names', `let n = 1;\n${M}function f() { return n; }`, true],
  ['a variable with $', `let n$ = 1;\n${M}function f() { return n$; }`, true],
  ['a pattern', `let { n } = { n: 1 };\n${M}function f() { return n; }`, true],
  ['a var in a block', `{ var n = 1; }\n${M}function f() { return n; }`, true],
  ['a function around it', `function g(n) {\n${M}function f() { return n; }\n}`, true],
])('whether a function may capture: %s', (_, text, expected) => {
  const source = parseSource(text, 'a.ts');
  const marks = findMarks(source);
  expect(mayCapture(source, marks)).toBe(expected);
  // Never where something is found.
  if (!expected) expect([...checkCaptures(source, marks).values()].flat()).toEqual([]);
});
