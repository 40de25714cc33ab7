// Builds every bundle into dist/. `--watch` is for people who work on the extension.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import esbuild from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  sourcemap: 'linked',
  logLevel: 'warning',
  legalComments: 'none',
};

/** Programs for Node: broker, agent, CLI. ES modules that may hold CommonJS packages, hence the `require`. */
export const programs = {
  ...common,
  entryPoints: {
    runabout: 'cli/main.ts',
    'sqlite-store': 'broker/store/sqlite/thread.ts',
    agent: 'agent/main.ts',
    manager: 'agent/manager/main.ts',
    worker: 'agent/worker/main.ts',
  },
  platform: 'node',
  format: 'esm',
  target: 'node24',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  external: ['esbuild', 'esbuild-wasm'],
  // CommonJS packages inside look for these.
  banner: {
    js: [
      "import{createRequire as __createRequire}from'node:module';",
      "import{dirname as __dirnameOf}from'node:path';",
      "import{fileURLToPath as __pathOf}from'node:url';",
      'const require=__createRequire(import.meta.url),__filename=__pathOf(import.meta.url),__dirname=__dirnameOf(__filename);',
    ].join(''),
  },
};

/** Programs that VS Code starts, on the Node it brings. */
const editor = {
  ...common,
  entryPoints: {
    extension: 'extension/extension.ts',
    'language-server': 'language-server/main.ts',
    bundler: 'language-server/threads/bundler-main.ts',
  },
  outExtension: { '.js': '.cjs' },
  platform: 'node',
  format: 'cjs',
  target: 'node22',
  minify: true,
  external: ['vscode', 'esbuild', 'esbuild-wasm'],
  // Libraries ask for `navigator` to know a browser; VS Code logs an error at each of them.
  define: { 'import.meta.url': '__moduleUrl', navigator: 'undefined' },
  banner: { js: "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;" },
};

/**
 * The library of the language client is half of the extension, and needed only with the first document: in a file of its
 * own, so that activation does not read it.
 */
const languageClient = {
  ...editor,
  entryPoints: { 'language-client': 'node_modules/vscode-languageclient/lib/node/main.js' },
};
editor.plugins = [
  {
    name: 'apart',
    setup(build) {
      build.onResolve({ filter: /^vscode-languageclient\/node$/ }, () => ({
        path: './language-client.cjs',
        external: true,
      }));
    },
  },
];

const webview = {
  ...common,
  entryPoints: { panel: 'webview/panel.ts' },
  platform: 'browser',
  format: 'iife',
  target: 'chrome128',
  minify: true,
  tsconfig: 'webview/tsconfig.json',
};

const groups = [programs, editor, languageClient, webview].map(group => ({
  ...group,
  entryPoints: Object.fromEntries(Object.entries(group.entryPoints).filter(([, file]) => existsSync(join(root, file)))),
}));

/** Builds everything anew. */
export async function build() {
  const stamp = sourcesStamp();
  // Built beside and put in place whole: what runs from dist/ meanwhile finds its files.
  const fresh = `dist.${process.pid}`;
  await Promise.all(groups.map(group => esbuild.build({ ...group, outdir: fresh })));
  await writeFile(join(root, fresh, '.sources'), stamp);
  // What `npm link` makes a command of.
  await chmod(join(root, fresh, 'runabout.js'), 0o755);
  await rm(join(root, 'dist'), { recursive: true, force: true });
  await rename(join(root, fresh), join(root, 'dist'));
}

/** Builds unless dist/ is of these very sources: a second start is quick. */
export async function buildIfStale() {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== sourcesStamp()) await build();
}

const stampFile = join(root, 'dist', '.sources');

/** Names and times of everything that goes into dist/. */
function sourcesStamp() {
  const hash = createHash('sha256');
  const folders = [
    'agent',
    'broker',
    'cli',
    'client',
    'extension',
    'language-server',
    'protocol',
    'webview',
    'scripts',
  ];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      hash.update(`${path}\0${statSync(path).mtimeMs}\n`);
    }
  }
  hash.update(readFileSync(join(root, 'package-lock.json')));
  return hash.digest('hex');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const started = Date.now();
  await build();
  console.log(`Built dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
  if (process.argv.includes('--watch')) {
    for (const group of groups) await (await esbuild.context(group)).watch();
    console.log('Watching for changes.');
  }
}
