// The tests in a real editor: `node scripts/editor/run.mjs [--suite host|ui] [FILE …]` (files narrow the ui suite).
// Prints one line of counts for each suite and exits with 0 or 1. Nothing it started outlives it.
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { findChromium, howToEnable } from './chromium.ts';
import { findDesktop } from './desktop.ts';
import { hostSuite } from './host-suite.ts';
import { insideCheckout, kill, leftOver } from './processes.ts';
import { packageExtension, uiSuite } from './ui-suite.ts';
import { root } from './vscode.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { suite: { type: 'string' } } });
const suites = {
  host: { runs: () => findChromium() || findDesktop(), start: hostSuite },
  ui: {
    runs: findChromium,
    start: async folder => uiSuite(folder, await packageExtension(folder), positionals),
  },
};
if (values.suite !== undefined && !Object.hasOwn(suites, values.suite)) {
  console.error(`There is no suite "${values.suite}"; there are ${Object.keys(suites).join(' and ')}.`);
  process.exit(2);
}

await mkdir(join(root, 'out'), { recursive: true });
if (!existsSync(join(root, 'dist/extension.cjs'))) await build();
let bad = false;
for (const [name, suite] of Object.entries(suites)) {
  if (values.suite !== undefined && values.suite !== name) continue;
  if (!suite.runs()) {
    console.log(`The editor ${name} suite is skipped: there is no Chromium. ${howToEnable}`);
    console.log(`editor ${name}: 0 passed, 0 failed, 1 skipped`);
    bad ||= Boolean(process.env.CI);
    continue;
  }
  const { passed, failed } = await isolated(suite.start);
  console.log(`editor ${name}: ${passed} passed, ${failed} failed`);
  bad ||= failed > 0;
}
process.exitCode = bad ? 1 : 0;

/** Runs a suite in a folder of its own; a process that it leaves behind is one more failure, and is ended. */
async function isolated(start) {
  const folder = await mkdtemp(join(tmpdir(), 'runabout-suite-'));
  const end = () => {
    const left = leftOver(folder);
    for (const { pid } of left) kill(pid);
    for (const path of [folder, insideCheckout(folder)]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    return left;
  };
  const interrupted = () => {
    end();
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, interrupted);
  let counts = { passed: 0, failed: 1 };
  try {
    counts = await start(folder);
  } catch (error) {
    console.error(error);
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupted);
  const left = end();
  for (const { pid, command } of left) console.error(`Left behind: process ${pid}, ${command.slice(0, 200)}`);
  return left.length === 0 ? counts : { ...counts, failed: counts.failed + 1 };
}
