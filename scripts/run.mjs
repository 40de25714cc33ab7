// The one entry of every npm script. It runs on whatever Node (>= 20) the machine has: it installs the packages of the
// lock file when they are missing or stale, then hands over to the Node 24 among them.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Installs what the lock file says, unless that is what is installed. */
function install() {
  const stamp = join(root, 'node_modules', '.runabout-lock');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing the packages of package-lock.json …');
  // No dependency of ours needs an install script, so none may run. `--no-save` takes the versions of the lock file and
  // leaves it alone, as `npm ci` does; that one refuses a lock file made where a registry lacks the optional package of
  // some other platform.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['install', '--no-save', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('npm could not install the packages; its own message is above. Nothing was started.');
    process.exit(1);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

/** The Node that the repository brings, or this one when it is new enough. */
function findNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const own = join(
    root,
    'node_modules',
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    'bin',
    name,
  );
  if (existsSync(own)) return own;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 15)) return process.execPath;
  console.error(
    `Runabout needs Node 24.15 or newer; npm has no package of it for ${process.platform}-${process.arch}, and this is ${process.version}. Install Node 24 and call again.`,
  );
  process.exit(1);
}

const tasks = {
  build: 'build.mjs',
  check: 'check.mjs',
  test: 'test.mjs',
  package: 'package.mjs',
  quickstart: 'quickstart.mjs',
  bench: '../bench/main.ts',
  faults: '../test/faults/main.ts',
  fuzz: '../test/fuzz/main.ts',
  runabout: '../dist/runabout.js',
};

const [task, ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task)) {
  console.error(`Usage: npm run ${Object.keys(tasks).join(' | ')}`);
  process.exit(2);
}
install();
const program = join(root, 'scripts', tasks[task]);
if (!existsSync(program)) {
  console.error('Nothing is built yet: npm run build');
  process.exit(2);
}
const node = findNode();
const child = spawn(node, [program, ...args], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}` },
});
// A Ctrl-C reaches the child too; this process only waits for it and passes its status on.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
