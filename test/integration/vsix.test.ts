import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import { folder } from '../support/folder.ts';
import { readZip, unzip } from '../support/zip.ts';

const root = join(import.meta.dirname, '../..');

const out = mkdtempSync(join(tmpdir(), 'runabout-vsix-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));
const packed = new Map<string, Promise<string>>();

/** Packs what dist/ holds now, once for all tests. */
function pack(target?: string): Promise<string> {
  const name = target ?? 'universal';
  const file = join(out, `${name}.vsix`);
  const args = ['--no-build', '--out', file, ...(target ? ['--target', target] : [])];
  const made =
    packed.get(name) ?? execa(process.execPath, [join(root, 'scripts/package.mjs'), ...args]).then(() => file);
  packed.set(name, made);
  return made;
}

/** File names as they are the same for every build: chunks are named by what is in them. */
const names = (file: string) =>
  readZip(file)
    .map(({ name }) => name.replace(/chunks\/.*-[A-Z0-9]{8}\.js$/, 'chunks/*.js'))
    .filter((name, i, all) => all.indexOf(name) === i)
    .sort();

const always = [
  '[Content_Types].xml',
  'extension.vsixmanifest',
  'extension/LICENSE.txt',
  'extension/NOTICES.txt',
  'extension/dist/agent.js',
  'extension/dist/bundler.cjs',
  'extension/dist/chunks/*.js',
  'extension/dist/extension.cjs',
  'extension/dist/language-client.cjs',
  'extension/dist/language-server.cjs',
  'extension/dist/manager.js',
  'extension/dist/panel.css',
  'extension/dist/panel.js',
  'extension/dist/runabout.js',
  'extension/dist/sqlite-store.js',
  'extension/dist/worker.js',
  ...[
    'endpoints.svg',
    'functions.svg',
    'icon.png',
    'result-dark.svg',
    'result-light.svg',
    'runabout.svg',
    'tasks.svg',
  ].map(name => `extension/extension/media/${name}`),
  ...['connect', 'endpoint', 'mark', 'result', 'run'].map(name => `extension/extension/media/walkthrough/${name}.svg`),
  'extension/package.json',
  'extension/package.nls.json',
  'extension/readme.md',
  'extension/syntaxes/remote-mark.injection.tmLanguage.json',
];

const wasm = [
  'LICENSE.md',
  'bin/esbuild',
  'esbuild.wasm',
  'lib/main.js',
  'package.json',
  'wasm_exec.js',
  'wasm_exec_node.js',
];
const native = [
  ...['LICENSE.md', 'lib/main.js', 'package.json'].map(name => `esbuild/${name}`),
  ...['README.md', 'bin/esbuild', 'package.json'].map(name => `@esbuild/linux-x64/${name}`),
];
const modules = (paths: string[]) => paths.map(path => `extension/dist/node_modules/${path}`);

describe('the universal package', () => {
  test('holds exactly this, in less than 12 MB', async () => {
    const file = await pack();
    expect(names(file)).toEqual([...always, ...modules(wasm.map(path => `esbuild-wasm/${path}`))].sort());
    expect(statSync(file).size).toBeLessThan(12_000_000);
  });

  test('says nothing of the repository, and holds no token', async () => {
    const entries = readZip(await pack());
    const manifest = JSON.parse(String(entries.find(({ name }) => name === 'extension/package.json')!.read()));
    expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['scripts']));
    expect(manifest.devDependencies ?? manifest.dependencies ?? manifest.optionalDependencies).toBeUndefined();
    const own = entries.filter(({ name }) => /extension\/(dist\/[^/]+|package.*)$/.test(name));
    for (const { name, read } of own) {
      const text = String(read());
      expect(text, name).not.toContain(root);
      expect(text, name).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY|RUNABOUT_TOKEN=[A-Za-z0-9]/);
    }
  });

  test('starts a local broker and endpoint by itself, which is what its first button does', async () => {
    const at = folder('unpacked');
    unzip(await pack(), at);
    const program = join(at, 'extension/dist/runabout.js');
    const env = { RUNABOUT_HOME: folder('home'), NODE_PATH: '' };
    try {
      const { stdout } = await execa(process.execPath, [program, 'up', '--json', '--port', '0'], { env, cwd: at });
      const lines = stdout.split('\n').map(line => JSON.parse(line));
      expect(lines.at(-1)).toMatchObject({ t: 'ready', url: expect.stringContaining('http://127.0.0.1:') });
    } finally {
      await execa(process.execPath, [program, 'down'], { env, cwd: at });
    }
  });

  test('bundles with the WebAssembly of esbuild', async () => {
    const at = folder('unpacked');
    unzip(await pack(), at);
    await bundles(join(at, 'extension/dist'), 'esbuild-wasm');
  });
});

describe('the package of a platform', () => {
  test('holds the program of esbuild instead, in less than 14 MB', async () => {
    const file = await pack('linux-x64');
    expect(names(file)).toEqual([...always, ...modules(native)].sort());
    expect(statSync(file).size).toBeLessThan(14_000_000);
    const manifest = readZip(file).find(({ name }) => name === 'extension.vsixmanifest')!;
    expect(String(manifest.read())).toContain('TargetPlatform="linux-x64"');
  });

  test.runIf(process.platform === 'linux' && process.arch === 'x64')('bundles with it', async () => {
    const at = folder('unpacked');
    unzip(await pack('linux-x64'), at);
    await bundles(join(at, 'extension/dist'), 'esbuild');
  });

  test('a platform there is not is refused with those there are', async () => {
    const { exitCode, stderr } = await execa(
      process.execPath,
      [join(root, 'scripts/package.mjs'), '--no-build', '--target', 'plan9-x64'],
      { reject: false },
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain('linux-x64');
  });
});

/** Bundles a file with the package beside the unpacked programs. */
async function bundles(dist: string, name: 'esbuild' | 'esbuild-wasm'): Promise<void> {
  const esbuild: typeof import('esbuild') = createRequire(join(dist, 'bundler.cjs'))(name);
  const source = join(folder('source'), 'one.js');
  writeFileSync(source, 'export const one = () => 1');
  const { outputFiles } = await esbuild.build({ entryPoints: [source], bundle: true, write: false, format: 'esm' });
  expect(outputFiles[0]?.text).toContain('one');
  await esbuild.stop();
}
