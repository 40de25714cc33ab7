// The main job, once through: a broker and an endpoint on this machine, an example function pushed and run there, and
// how to go on in VS Code. Everything lives under a fresh folder and ends with Ctrl-C (`--exit`: after the result).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildIfStale } from './build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const example = { file: join('examples', 'weather', 'report.ts'), name: 'monthlyReport', args: [] };
const home = mkdtempSync(join(tmpdir(), 'runabout-quickstart-'));
const runabout = join(root, 'dist', 'runabout.js');
const env = { ...process.env, RUNABOUT_HOME: home };
delete env.RUNABOUT_URL;
delete env.RUNABOUT_TOKEN;

const started = Date.now();
const say = text => console.log(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);

/** Runs a command of ours to its end. `onLine` reads its standard output; otherwise that is shown. */
function cli(args, onLine) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [runabout, ...args], {
      cwd: root,
      env,
      stdio: ['ignore', onLine ? 'pipe' : 'inherit', 'inherit'],
    });
    if (onLine) createInterface({ input: child.stdout }).on('line', onLine);
    child.on('error', reject);
    child.on('close', status => resolve(status ?? 1));
  });
}

let interrupted = false;
const interrupt = new Promise(resolve => {
  // A promise alone keeps no process alive.
  const alive = setInterval(() => {}, 60_000);
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      interrupted = true;
      clearInterval(alive);
      resolve();
    });
  }
});

async function main() {
  await buildIfStale();
  say('Runabout is built.');
  say(`Data of this run: ${home}`);
  let ready = false;
  await cli(['up', '--json'], line => {
    const step = JSON.parse(line);
    if (step.t === 'ready') ready = true;
    else say(step.t === 'error' ? `${step.detail} ${step.hint ?? ''}` : step.text);
  });
  if (!ready) return 1;

  const target = `${example.file}#${example.name}`;
  say(`Running ${target} on the endpoint "local" …`);
  const status = await cli(['run', target, '--on', 'local', ...example.args]);
  if (status !== 0) return status;
  say('That was the result, from a worker process of the endpoint.');
  if (process.argv.includes('--exit') || interrupted) return 0;

  console.log(`
Now in VS Code, on the same broker and endpoint:

  RUNABOUT_HOME=${home} code --extensionDevelopmentPath=${root} ${join(root, 'examples')}

Open ${relative('examples', example.file)}, right-click a marked function and choose "Run on Remote Endpoint…", or use the lens above it.
In a terminal:

  RUNABOUT_HOME=${home} npm run -s runabout -- run ${target} --on local

Ctrl-C stops the broker and the endpoint.`);
  await interrupt;
  return 0;
}

let status = 1;
try {
  status = await main();
} finally {
  await cli(['down'], say);
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(status);
