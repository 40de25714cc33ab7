import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadFirst } from '../../../language-server/functions/bundle/esbuild.ts';
import { Bundler } from '../../../language-server/functions/index.ts';
import { bundle, bundler, load, M, project } from './support/bundles.ts';

const FULL = {
  'index.ts': `import ms from 'ms';\nimport * as all from './src';\nimport shout from './shout.cjs';\n${M}export default async (text: string) => [ms(text), all.deep(2), shout(text), (await import('./src/late')).late];\nexport function other() { return 1; }\n`,
  'src/index.ts': "export { deep } from './deep';\nexport default class {}\n",
  'src/deep.ts': 'export const deep = (n: number) => n + 1;\n',
  'src/late.ts': 'export const late = 3;\n',
  'shout.cjs': "const lib = require('./index.cjs');\nmodule.exports = text => lib(text) + '!';\n",
  'index.cjs': 'module.exports = text => text.toUpperCase();\n',
};

describe('the digest', () => {
  test('is the same in another folder, of another depth and name, from another working directory', async () => {
    const here = project(FULL, { packages: ['ms'] });
    const there = project(FULL, { deep: 3, packages: ['ms'] });
    const one = await bundle(here, 'index.ts', 'default');
    const cwd = process.cwd;
    process.cwd = () => there;
    onTestFinished(() => {
      process.cwd = cwd;
    });
    const two = await bundle(there, 'index.ts', 'default');
    expect(Buffer.from(two.code).toString()).toBe(Buffer.from(one.code).toString());
    expect(two.digest).toBe(one.digest);
    expect(await (await load(one))('2s')).toEqual([2000, 3, '2S!', 3]);
    const text = Buffer.from(one.code).toString();
    for (const trace of [here, 'elsewhere', 'level-', '../', 'node_modules']) expect(text).not.toContain(trace);
  });

  test('is the same where the package lies in a folder above, as in a workspace', async () => {
    const own = project(FULL, { packages: ['ms'] });
    const above = project({}, { packages: ['ms'] });
    cpSync(own, join(above, 'packages', 'p'), { recursive: true, filter: path => !path.includes('node_modules') });
    expect((await bundle(join(above, 'packages', 'p'), 'index.ts', 'default')).digest).toBe(
      (await bundle(own, 'index.ts', 'default')).digest,
    );
  });

  test('is the same from esbuild-wasm', async () => {
    const root = project(FULL, { packages: ['ms'] });
    const wasm = new Bundler(1, () => loadFirst(['esbuild-wasm']));
    onTestFinished(() => wasm.dispose());
    const [native, portable] = [
      await bundle(root, 'index.ts', 'default'),
      await bundle(root, 'index.ts', 'default', wasm),
    ];
    expect(portable.digest).toBe(native.digest);
    expect(portable.mapDigest).toBe(native.mapDigest);
  }, 60_000);

  const CODE = `import { used } from './lib.ts';\nconst unused = { a: 1 };\n${M}export function f(x: number) { return used(x); }\nexport function other() { return unused; }\nclass Idle { static size = 1; m() { return 1; } }\n`;
  const LIB = 'export const used = (x: number) => x;\nexport const spare = () => 1;\nexport class Spare { a = 1; }\n';

  test.each([
    ['a comment', 'return used(x);', '// why\n  /* how */ return used(x);'],
    ['white space', 'return used(x);', '\n\n   return   used( x ) ;'],
    ['types', 'x: number', 'x: string | number'],
    ['another function', 'return unused', "return 'something else entirely, 12345' + fetch"],
    ['a constant only that one uses', '{ a: 1 }', '{ a: 2, b: Math.PI }'],
    ['an unused class', 'return 1; }', 'return zzz; }'],
    ['the name of a local', 'f(x: number) { return used(x)', 'f(y: number) { return used(y)'],
  ])('is the same after an edit of %s', async (_, before, after) => {
    const root = project({ 'a.ts': CODE, 'lib.ts': LIB });
    expect(CODE).toContain(before);
    const changed = await bundle(root, 'a.ts', 'f', bundler, CODE.replace(before, after));
    expect(changed.digest).toBe((await bundle(root, 'a.ts')).digest);
  });

  test('is the same with the line ends of Windows', async () => {
    const code = `${M}export function f() {\n  return \`one\ntwo\` + /* why\n */ 1;\n}\n`;
    const root = project({ 'a.ts': code });
    const windows = await bundle(root, 'a.ts', 'f', bundler, code.replaceAll('\n', '\r\n'));
    expect(windows.digest).toBe((await bundle(root, 'a.ts')).digest);
  });

  test('is the same after an edit of what a module exports besides', async () => {
    const root = project({ 'a.ts': CODE, 'lib.ts': LIB });
    const before = await bundle(root, 'a.ts');
    writeFileSync(
      join(root, 'lib.ts'),
      LIB.replace('() => 1', '() => [1, 2, 3].map(String)').replace('a = 1', 'b = 2'),
    );
    expect((await bundle(root, 'a.ts')).digest).toBe(before.digest);
  });

  test.each([
    ['the function', 'return used(x);', 'return used(x) + 1;'],
    ['its name, which stacks show', 'function f', 'function g'],
  ])('is another after an edit of %s', async (_, before, after) => {
    const root = project({ 'a.ts': CODE, 'lib.ts': LIB });
    const changed = await bundle(root, 'a.ts', after.includes('g') ? 'g' : 'f', bundler, CODE.replace(before, after));
    expect(changed.digest).not.toBe((await bundle(root, 'a.ts')).digest);
  });

  test('is another after an edit of an imported module, which the kept context sees', async () => {
    const root = project({ 'a.ts': CODE, 'lib.ts': LIB });
    const before = await bundle(root, 'a.ts');
    writeFileSync(join(root, 'lib.ts'), LIB.replace('=> x;', '=> x * 2;'));
    expect((await bundle(root, 'a.ts')).digest).not.toBe(before.digest);
  });

  test('heeds sideEffects of a package', async () => {
    const files = (flag: string) => ({
      'a.ts': `import 'noisy';\nimport { pure } from 'noisy/pure.js';\n${M}export const f = () => pure;`,
      'node_modules/noisy/package.json': `{ "name": "noisy", "type": "module"${flag} }`,
      'node_modules/noisy/index.js': 'globalThis.noise = "noise";',
      'node_modules/noisy/pure.js': 'export const pure = 1; globalThis.noise = "pure noise";',
    });
    const text = async (flag: string) => Buffer.from((await bundle(project(files(flag)), 'a.ts')).code).toString();
    expect(await text('')).toContain('"noise"');
    expect(await text(', "sideEffects": false')).not.toContain('"noise"');
  });
});
