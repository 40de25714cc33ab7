import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadFirst } from '../../../language-server/functions/bundle/esbuild.ts';
import {
  type Bundle,
  type BundleError,
  Bundler,
  checkText,
  markedNamed,
  prepareFunction,
} from '../../../language-server/functions/index.ts';
import { digestOf } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';

const bundler = new Bundler();
afterAll(() => bundler.dispose());

const require = createRequire(import.meta.url);
const packageFolder = (name: string) => dirname(require.resolve(`${name}/package.json`));

/** A project of these files, `deep` folders below a new one, with copies of some of our own packages. */
function project(files: Record<string, string>, { deep = 0, packages = [] as string[], name = 'p' } = {}): string {
  const root = join(
    folder('bundle'),
    ...Array.from({ length: deep }, (_, i) => `level-${i}`),
    deep > 0 ? 'elsewhere' : name,
  );
  for (const [file, text] of Object.entries({ 'package.json': `{ "name": "${name}", "type": "module" }`, ...files })) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  for (const dependency of packages)
    cpSync(packageFolder(dependency), join(root, 'node_modules', dependency), { recursive: true });
  return root;
}

async function bundle(root: string, file: string, name = 'f', using = bundler, text?: string): Promise<Bundle> {
  const path = join(root, file);
  const content = text ?? readFileSync(path, 'utf8');
  return await using.bundle({ file: path, text: content, marked: markedNamed(checkText(content, path), name, path) });
}

/** The function of a bundle, loaded from a file as a worker does it. */
async function load({ code, digest }: Bundle): Promise<(...args: unknown[]) => unknown> {
  const file = join(folder('load'), `${digest}.mjs`);
  writeFileSync(file, code);
  return ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { default: () => unknown }).default;
}

const M = '/** @remote */\n';

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

describe('before anything is sent', () => {
  const failing = async (files: Record<string, string>, file = 'a.ts') => {
    const root = project(files);
    const error = (await bundle(root, file).catch(thrown => thrown)) as BundleError;
    return { root, error };
  };

  test.each([
    ["import x from './nowhere.ts';", 'import', '"./nowhere.ts" cannot be found.', "'./nowhere.ts'"],
    ["import x from 'not-installed';", 'import', '"not-installed" cannot be found.', "'not-installed'"],
    [
      "import x from './addon.node';",
      'native',
      '"./addon.node" is a native add-on: it is compiled for one machine and cannot be sent.',
      "'./addon.node'",
    ],
    ["import { x } from './b.ts';", 'import', 'No matching export in "b.ts" for import "x".', 'x'],
    [
      "import x from './picture.png';",
      'import',
      'Files of this kind cannot go into a bundle: picture.png.',
      "'./picture.png'",
    ],
  ])('%s', async (line, kind, message, where) => {
    const text = `// é\n${line}\n${M}export const f = () => x;`;
    const { root, error } = await failing({
      'a.ts': text,
      'b.ts': 'export const y = 1;',
      'addon.node': '',
      'picture.png': '',
    });
    expect(error.code).toBe('bundle-failed');
    expect(error.problems).toMatchObject([{ kind, message, place: { file: join(root, 'a.ts'), line: 2 } }]);
    const { column, length } = error.problems[0]!.place!;
    expect(line.slice(column, column + length)).toBe(where);
  });

  test('what is wrong deeper is told at the import that leads there', async () => {
    const { root, error } = await failing({
      'a.ts': `import { one } from './one.ts';\nimport y from "pkg";\n${M}export const f = () => one + y;`,
      'one.ts': "import gone from './gone.ts';\nexport const one = gone;",
      'node_modules/pkg/package.json': '{ "name": "pkg", "main": "main.js" }',
      'node_modules/pkg/main.js': "module.exports = require('./lib.js');",
      'node_modules/pkg/lib.js': "module.exports = require('./build/binding.node');",
    });
    expect(error.problems.toSorted((a, b) => a.via!.line - b.via!.line)).toMatchObject([
      {
        kind: 'import',
        message: '"./gone.ts" cannot be found. (in one.ts:1)',
        place: { file: join(root, 'one.ts') },
        via: { line: 1, column: 20, length: 10 },
      },
      { kind: 'native', via: { file: join(root, 'a.ts'), line: 2, column: 14, length: 5 } },
    ]);
  });

  test('a package that finds its add-on at run time is a warning, at its import', async () => {
    const root = project({
      'a.ts': `import db from 'database';\n${M}export const f = () => db;`,
      'node_modules/database/package.json': '{ "name": "database" }',
      'node_modules/database/index.js': "module.exports = require('bindings')('database');",
      'node_modules/bindings/package.json': '{ "name": "bindings" }',
      'node_modules/bindings/index.js': 'module.exports = name => name;',
    });
    const { warnings } = await bundle(root, 'a.ts');
    expect(warnings).toMatchObject([{ kind: 'native', place: { line: 1, column: 15, length: 10 } }]);
    expect(warnings[0]!.message).toContain('"database"');
  });

  test('a bundle over the limit says how large each package is', async () => {
    const { error } = await failing({
      'a.ts': `import big from 'big';\n${M}export const f = () => big.length;`,
      'node_modules/big/package.json': '{ "name": "big", "type": "module" }',
      'node_modules/big/index.js': `export default ${JSON.stringify('x'.repeat(25 * 1024 * 1024))};`,
    });
    expect(error).toMatchObject({ code: 'bundle-too-large' });
    expect(error.message).toMatch(
      /^The bundle has 25\.0 MiB; 24\.0 MiB is the most\. The largest parts: big 25\.0 MiB, \(your code\) 0\.0 MiB\.$/,
    );
  });

  test('a function that is marked but cannot run', async () => {
    const { error } = await failing({
      'a.ts': `function g() { const secret = 1;\n${M}function f() { return secret; } }`,
    });
    expect(error).toMatchObject({ code: 'function-not-markable', message: expect.stringContaining('"secret"') });
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
