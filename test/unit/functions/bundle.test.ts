import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadFirst } from '../../../language-server/functions/bundle/esbuild.ts';
import {
  type Bundle,
  Bundler,
  checkText,
  markedNamed,
  prepareFunction,
} from '../../../language-server/functions/index.ts';
import { digestOf } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { bundle, bundler, load, M, project } from './support/bundles.ts';

describe('the entry', () => {
  test.each([
    ['exported', `${M}export function f(x) { return x + 1; }`, 'f'],
    ['not exported', `${M}function f(x) { return x + 1; }`, 'f'],
    ['an arrow', `${M}const f = (x) => x + 1;`, 'f'],
    ['a default export with a name', `${M}export default function f(x) { return x + 1; }`, 'f'],
    ['a default export without', `${M}export default (x) => x + 1;`, 'default'],
    ['a static method', `class S {\n${M} static f(x) { return x + 1; } }`, 'S.f'],
    [
      'a static method with super',
      `class B { static g(x) { return x; } }\nclass S extends B {\n${M} static f(x) { return super.g(x) + 1; } }`,
      'S.f',
    ],
    ['async', `${M}async function f(x) { return x + 1; }`, 'f'],
    ['top-level await', `const one = await Promise.resolve(1);\n${M}export function f(x) { return x + one; }`, 'f'],
  ])('%s', async (_, code, name) => {
    const root = project({ 'src/a.js': code });
    expect(await (await load(await bundle(root, 'src/a.js', name)))(41)).toBe(42);
  });

  test.each([
    [
      'module.exports = …',
      `const g = x => x;\n${M}function f(x) { return g(x) + 1; }\nmodule.exports = { g };`,
      'a.cjs',
    ],
    [
      'exports.f = …',
      `const path = require('node:path');\n${M}function f(x) { return path.sep.length + x; }\nexports.g = 1;`,
      'a.js',
    ],
    ['export =', `${M}function f(x: number) { return x + 1; }\nexport = f;`, 'a.cts'],
  ])('in CommonJS: %s', async (_, code, file) => {
    const root = project({ [file]: code });
    expect((await load(await bundle(root, file)))(41)).toBe(42);
  });

  test('generators stay generators', async () => {
    const root = project({ 'a.ts': `${M}async function* f(n: number) { for (let i = 0; i < n; i++) yield i; }` });
    const built = await bundle(root, 'a.ts');
    expect(built.kind).toBe('async-generator');
    const items: unknown[] = [];
    for await (const item of (await load(built))(3) as AsyncIterable<unknown>) items.push(item);
    expect(items).toEqual([0, 1, 2]);
  });

  test('a name the module uses itself does no harm', async () => {
    const code = `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\nconst __filename = 'mine';\n${M}export const f = () => [typeof require('node:fs').readFileSync, __filename];`;
    expect((await load(await bundle(project({ 'a.ts': code }), 'a.ts')))()).toEqual(['function', 'mine']);
  });
});

test('local modules, JSON, text and packages of both kinds go in; built-ins stay out', async () => {
  const root = project(
    {
      'src/a.ts': `import { readFileSync } from 'node:fs';\nimport _ from 'underscore';\nimport { format } from 'old';\nimport data from './data.json' with { type: 'json' };\nimport note from './note.txt';\nimport { twice } from './lib/twice';\n${M}export const f = (x: number) => [twice(x), data.n, note, _.max([1, x]), format(), typeof readFileSync];`,
      'src/lib/twice.ts': 'export const twice = (x: number): number => x * 2;',
      'src/data.json': '{ "n": 7 }',
      'src/note.txt': 'hi',
      'node_modules/old/index.js': `const os = require('os');\nexports.format = () => [typeof os.cpus, typeof __dirname, require('path').basename(__filename).length > 0];`,
      'node_modules/old/package.json': '{ "name": "old", "version": "1.0.0" }',
    },
    { packages: ['underscore'] },
  );
  const built = await bundle(root, 'src/a.ts');
  expect((await load(built))(4)).toEqual([8, 7, 'hi', 4, ['function', 'string', true], 'function']);
  expect(built).toMatchObject({ root, registryName: 'p/src/a#f', source: { file: 'src/a.ts', line: 8 } });
  expect(built.packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['underscore', 'old', '(your code)']));
  expect(built.digest).toBe(digestOf(built.code));
  expect(built.mapDigest).toBe(digestOf(built.map));
});

describe('the source map', () => {
  test('leads a stack of the running bundle to the written lines and columns', async () => {
    const code = `import { check } from './lib/check.ts';\n\n// A comment — with ünicode\n${M}export async function outer(x: number): Promise<number> {\n  return check(x);\n}\n`;
    const lib =
      'interface Wide { a: number }\n\nclass Inner {\n  static verify(x: number): never {\n    throw new Error("no " + x);\n  }\n}\n\nexport const check = (x: number): number => Inner.verify(x);\n';
    const root = project({ 'src/a.ts': code, 'src/lib/check.ts': lib });
    const built = await bundle(root, 'src/a.ts', 'outer');
    const error = (await ((await load(built))(1) as Promise<unknown>).catch(thrown => thrown)) as Error;
    const map = new TraceMap(Buffer.from(built.map).toString());
    const frames = [...error.stack!.matchAll(/at (?:async )?(\S+) \(?\S*?\.mjs:(\d+):(\d+)/g)].map(
      ([, name, line, column]) => {
        const at = originalPositionFor(map, { line: Number(line), column: Number(column) - 1 });
        return `${name} ${at.source}:${at.line}:${at.column! + 1}`;
      },
    );
    expect(frames.slice(0, 3)).toEqual([
      'Inner.verify src/lib/check.ts:5:11',
      'check src/lib/check.ts:9:51',
      'outer src/a.ts:6:10',
    ]);
    const { sources, sourcesContent } = JSON.parse(Buffer.from(built.map).toString());
    expect(sources).toEqual(['src/lib/check.ts', 'src/a.ts']);
    expect(sourcesContent).toEqual([lib, code]);
  });
});

test.skipIf(process.platform === 'win32')(
  'esbuild-wasm works without a "node" on the PATH, as in an editor that brings its own',
  async () => {
    const { PATH } = process.env;
    onTestFinished(() => {
      process.env.PATH = PATH;
    });
    process.env.PATH = folder('empty');
    const wasm = new Bundler(1, () => loadFirst(['esbuild-wasm']));
    onTestFinished(() => wasm.dispose());
    require('esbuild-wasm').stop();
    const root = project({ 'a.ts': `${M}export const f = () => 3;` });
    expect((await load(await bundle(root, 'a.ts', 'f', wasm)))()).toBe(3);
  },
  60_000,
);

test('without any bundler it says so', async () => {
  await expect(loadFirst([])).rejects.toMatchObject({ code: 'bundle-failed' });
});

test('unsaved texts of other files are used, and no longer when they are saved', async () => {
  const text = `import { n } from './n.ts';\n${M}export const f = () => n;`;
  const root = project({ 'a.ts': text, 'n.ts': 'export const n = 1;' });
  const file = join(root, 'a.ts');
  const marked = markedNamed(checkText(text, file), 'f', file);
  const value = async (overlays: Map<string, string>) =>
    (await load(await bundler.bundle({ file, text, marked, overlays })))();
  expect(await value(new Map([[join(root, 'n.ts'), 'export const n = 2;']]))).toBe(2);
  expect(await value(new Map([[join(root, 'n.ts'), 'export const n = 3;']]))).toBe(3);
  expect(await value(new Map())).toBe(1);
});

test('a file that does not exist yet bundles from its text', async () => {
  const root = project({ 'lib.ts': 'export const n = 5;' });
  const built = await bundle(
    root,
    'Untitled-1.ts',
    'f',
    bundler,
    `import { n } from './lib.ts';\n${M}const f = () => n;`,
  );
  expect((await load(built))()).toBe(5);
  expect(built.registryName).toBe('p/Untitled-1#f');
});

test('contexts beyond the limit are let go, and made again', async () => {
  const small = new Bundler(2);
  onTestFinished(() => small.dispose());
  const names = ['a', 'b', 'c', 'd'];
  const root = project({ 'a.ts': names.map(name => `${M}export const ${name} = () => '${name}';`).join('\n') });
  for (const name of [...names, ...names]) expect((await load(await bundle(root, 'a.ts', name, small)))()).toBe(name);
});

test('a failure does not stay, and builds at the same time do not mix', async () => {
  const root = project({ 'a.ts': `${M}export const f = () => 0;` });
  const texts = Array.from(
    { length: 6 },
    (_, i) => `${i % 2 ? `import './gone';\n` : ''}${M}export const f = () => ${i};`,
  );
  const results = await Promise.allSettled(texts.map(text => bundle(root, 'a.ts', 'f', bundler, text)));
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
  ]);
  for (const i of [0, 2, 4]) expect((await load((results[i] as PromiseFulfilledResult<Bundle>).value))()).toBe(i);
});

// The list of child processes is Linux's.
test.skipIf(process.platform !== 'linux')('a bundler process that died is replaced', async () => {
  const root = project({ 'a.ts': `${M}export const f = () => 7;` });
  const other = new Bundler(1);
  onTestFinished(() => other.dispose());
  await bundle(root, 'a.ts', 'f', other);
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number);
  const esbuild = children.find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--service='));
  process.kill(esbuild!, 'SIGKILL');
  expect((await load(await bundle(root, 'a.ts', 'f', other)))()).toBe(7);
});

test('an unchanged bundle is taken as it is; a changed text or file is not', async () => {
  const text = `import { n } from './n.ts';\n${M}export const f = () => n;`;
  const root = project({ 'a.ts': text, 'n.ts': 'export const n = 1;' });
  const file = join(root, 'a.ts');
  const marked = markedNamed(checkText(text, file), 'f', file);
  const again = (changed = text, overlays = new Map<string, string>()) =>
    bundler.bundle({ file, text: changed, marked, overlays, reuse: true });
  const first = await again();
  expect(await again()).toBe(first);
  expect((await again(text.replace('=> n', '=> n + 1'))).digest).not.toBe(first.digest);
  expect((await again()).digest).toBe(first.digest);
  writeFileSync(join(root, 'n.ts'), 'export const n = 22;');
  expect((await load(await again()))()).toBe(22);
  expect((await load(await again(text, new Map([[join(root, 'n.ts'), 'export const n = 3;']]))))()).toBe(3);
  expect((await load(await again(text, new Map([[join(root, 'n.ts'), 'export const n = 4;']]))))()).toBe(4);
  rmSync(join(root, 'n.ts'));
  await expect(again()).rejects.toMatchObject({ code: 'bundle-failed' });
});

test('an aborted bundle is an AbortError', async () => {
  const text = `${M}export const f = () => 0;`;
  const file = join(project({ 'a.ts': text }), 'a.ts');
  const marked = markedNamed(checkText(text, file), 'f', file);
  await expect(bundler.bundle({ file, text, marked, signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  });
});

describe('prepareFunction', () => {
  test('has everything a push needs', async () => {
    const root = project({
      'a.ts':
        '/**\n * Adds.\n * @remote endpoint=lab timeout=2s\n * @param a one\n */\nexport const add = (a: number, b = 1) => a + b;\n',
    });
    const prepared = await prepareFunction(join(root, 'a.ts'), 'add');
    expect(prepared).toMatchObject({
      settings: { endpoint: 'lab', timeoutMs: 2000 },
      parameters: {
        minItems: 1,
        prefixItems: [
          { title: 'a', description: 'one', type: 'number' },
          { title: 'b', default: 1 },
        ],
      },
      details: {
        kind: 'sync',
        description: 'Adds.',
        source: { file: 'a.ts', line: 6 },
        mapDigest: prepared.bundle.mapDigest,
      },
    });
  });

  test.each([
    ['add', 'Did you mean "adds"?'],
    ['else', 'Marked are adds, other.'],
  ])('%s is not found, with a hint', async (name, hint) => {
    const root = project({ 'a.ts': `${M}const adds = () => 1;\n${M}const other = () => 1;` });
    await expect(prepareFunction(join(root, 'a.ts'), name)).rejects.toMatchObject({ code: 'function-not-found', hint });
  });

  test('a file that is not there', async () => {
    await expect(prepareFunction('/nowhere/a.ts', 'f')).rejects.toMatchObject({ code: 'function-not-found' });
  });
});
