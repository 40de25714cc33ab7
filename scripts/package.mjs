// Makes the extension's VSIX. `npm run package` makes the universal one, which bundles user functions with esbuild-wasm;
// `npm run package -- --target linux-x64` one for a platform, with esbuild's own, faster program for it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const manifest = readJson(join(root, 'package.json'));

/** VS Code's name of a platform → esbuild's package for it. */
const esbuildPackages = {
  'alpine-arm64': '@esbuild/linux-arm64',
  'alpine-x64': '@esbuild/linux-x64',
  'darwin-arm64': '@esbuild/darwin-arm64',
  'darwin-x64': '@esbuild/darwin-x64',
  'linux-arm64': '@esbuild/linux-arm64',
  'linux-armhf': '@esbuild/linux-arm',
  'linux-x64': '@esbuild/linux-x64',
  'win32-arm64': '@esbuild/win32-arm64',
  'win32-x64': '@esbuild/win32-x64',
};

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    out: { type: 'string' },
    // The bundles in dist/ are taken as they are.
    'no-build': { type: 'boolean', default: false },
  },
});
const { target } = values;
if (target && !Object.hasOwn(esbuildPackages, target)) {
  console.error(`No such platform: ${target}. There are: ${Object.keys(esbuildPackages).join(', ')}.`);
  process.exit(2);
}
const name = `runabout-${manifest.version}${target ? `-${target}` : ''}`;
const file = values.out ?? join(root, 'out', `${name}.vsix`);
const stage = join(root, 'out', 'stage', name);

if (!values['no-build']) await build();
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
mkdirSync(dirname(file), { recursive: true });
for (const part of [
  'package.nls.json',
  'README.md',
  'LICENSE',
  '.vscodeignore',
  'extension/media',
  'syntaxes',
  'dist',
]) {
  if (existsSync(join(root, part))) cpSync(join(root, part), join(stage, part), { recursive: true });
}
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(extensionManifest(), null, 2)}\n`);
stageEsbuild();
writeFileSync(join(stage, 'NOTICES.txt'), notices());

const vsce = [
  join(modules, '@vscode/vsce/vsce'),
  ...['package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', '--out', file],
  ...(target ? ['--target', target] : []),
];
const { status, stdout, stderr } = spawnSync(process.execPath, vsce, { cwd: stage, encoding: 'utf8' });
if (status !== 0) {
  console.error(`vsce could not make the package:\n${stdout}${stderr}`);
  process.exit(1);
}
rmSync(stage, { recursive: true, force: true });
console.log(`Made ${file} (${(statSync(file).size / 1e6).toFixed(1)} MB).`);

/** What VS Code reads of package.json. The rest is of the repository and of the npm package. */
function extensionManifest() {
  const { scripts, dependencies, optionalDependencies, devDependencies, bin, private: _, ...rest } = manifest;
  return { ...rest, engines: { vscode: manifest.engines.vscode } };
}

/** Puts the bundler of user functions beside the bundles, where Node finds it by its name. */
function stageEsbuild() {
  const into = join(stage, 'dist', 'node_modules');
  if (!target) {
    const files = [
      'package.json',
      'LICENSE.md',
      'esbuild.wasm',
      'wasm_exec.js',
      'wasm_exec_node.js',
      'bin',
      'lib/main.js',
    ];
    for (const part of files) copyPart('esbuild-wasm', part, into);
    return;
  }
  for (const part of ['package.json', 'LICENSE.md', 'lib/main.js']) copyPart('esbuild', part, into);
  const name = esbuildPackages[target];
  cpSync(platformPackage(name), join(into, name), { recursive: true });
}

function copyPart(name, part, into) {
  const from = join(modules, name, part);
  if (existsSync(from)) cpSync(from, join(into, name, part), { recursive: true });
}

/** The folder of a platform's package: an installed one, else fetched by npm and checked against the lock file. */
function platformPackage(name) {
  const installed = join(modules, name);
  if (existsSync(installed)) return installed;
  const { version, integrity } = readJson(join(root, 'package-lock.json')).packages[`node_modules/${name}`];
  const cache = join(root, 'out', 'esbuild', `${name.replace('/', '-')}-${version}`);
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  run('npm', ['pack', '--silent', '--pack-destination', cache, `${name}@${version}`]);
  const [tarball] = readdirSync(cache);
  const digest = createHash('sha512')
    .update(readFileSync(join(cache, tarball)))
    .digest('base64');
  if (integrity !== `sha512-${digest}`) {
    console.error(`${name}@${version} is not what package-lock.json says. Nothing was packed.`);
    process.exit(1);
  }
  run('tar', ['-xzf', join(cache, tarball), '-C', cache]);
  return join(cache, 'package');
}

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', shell: process.platform === 'win32' });
  if (status === 0) return;
  console.error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
  process.exit(1);
}

/** The licences of every package whose code is in a bundle; the source maps know which those are. */
function notices() {
  const names = new Set();
  for (const map of readdirSync(join(root, 'dist'), { recursive: true }).filter(path => path.endsWith('.map'))) {
    for (const source of readJson(join(root, 'dist', map)).sources) {
      const found = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source);
      if (found) names.add(found[1]);
    }
  }
  const texts = [...names, target ? 'esbuild' : 'esbuild-wasm'].sort().map(name => {
    const folder = join(modules, name);
    const { version, license } = readJson(join(folder, 'package.json'));
    const text = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry));
    return `${name} ${version} (${license})\n\n${text ? readFileSync(join(folder, text), 'utf8').trim() : ''}\n`;
  });
  return `Runabout contains code of these packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
