// Every test. `npm test -- unit contract` runs only those suites. In CI a suite that cannot run is a failure; elsewhere
// it is said which was skipped and what it needs.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { check } from './check.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
mkdirSync(join(root, 'out'), { recursive: true });

/** @typedef {{ name: string, passed: number, failed: number, skipped: number, seconds: number,
 *   failures?: string[] }} Count `failures` says what failed */

/** Runs a program of ours, shows what it prints, and returns it with its status. */
function run(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, script), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', data => {
      process.stdout.write(data);
      text += data;
    });
    child.on('error', reject);
    child.on('close', status => resolve({ status, text }));
  });
}

/** One vitest project, counted from its JSON report. */
const vitest = name => async () => {
  const report = join(root, 'out', `${name}.json`);
  const { status } = await run('node_modules/vitest/vitest.mjs', [
    ...['run', '--project', name, '--reporter', 'default', '--reporter', 'json', '--outputFile.json', report],
  ]);
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    testResults,
  } = JSON.parse(readFileSync(report, 'utf8'));
  const failures = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.split('\n')[0]}`);
  return [{ name, passed, failed: failed || (status === 0 ? 0 : 1), skipped, failures }];
};

/** The suites in the real editor print a line of counts each. */
async function editor() {
  const { status, text } = await run('scripts/editor/run.mjs', []);
  const counts = [...text.matchAll(/^(editor [\w ]+): (\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].map(
    ([, name, passed, failed, skipped]) => ({
      name,
      passed: Number(passed),
      failed: Number(failed),
      skipped: Number(skipped ?? 0),
    }),
  );
  if (status !== 0 && counts.every(({ failed }) => failed === 0))
    counts.push({ name: 'editor', passed: 0, failed: 1, skipped: 0 });
  return counts;
}

/** A campaign of faults over real processes, after the proof that its checker notices what it should. */
async function faults() {
  const minutes = process.env.FAULTS_MINUTES ?? (process.env.CI ? '3' : '0.3');
  const proof = await vitest('faults')();
  const { status, text } = await run('test/faults/main.ts', ['--minutes', minutes]);
  const { seed, rounds, broken, shim } = JSON.parse(
    text.trimEnd().split('\n').at(-1) || '{"rounds":0,"broken":[],"shim":true}',
  );
  const failed = broken.length || (status === 0 ? 0 : 1);
  const failures = broken.flatMap(({ round, violations }) =>
    violations.map(violation => `seed ${seed}, round ${round}: ${violation}`),
  );
  return [...proof, { name: 'campaign', passed: rounds - broken.length, failed, skipped: shim ? 0 : 1, failures }];
}

async function checks() {
  const ok = check();
  return [{ name: 'check', passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 }];
}

const suites = {
  check: checks,
  unit: vitest('unit'),
  contract: vitest('contract'),
  integration: vitest('integration'),
  faults,
  editor,
};
const wanted = process.argv.slice(2);
const unknown = wanted.filter(name => !Object.hasOwn(suites, name));
if (unknown.length > 0) {
  console.error(`No such suite: ${unknown.join(', ')}. There are: ${Object.keys(suites).join(', ')}.`);
  process.exit(2);
}

await build();
/** @type {Count[]} */
const counts = [];
for (const [name, suite] of Object.entries(suites)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = Date.now();
  const rows = await suite();
  for (const row of rows) counts.push({ ...row, seconds: rows.length === 1 ? (Date.now() - started) / 1000 : 0 });
}

// Once more, since a log of CI shows its end first.
for (const { name, failures = [] } of counts)
  for (const failure of failures) console.log(`\nFailed: ${name}: ${failure}`);

const sum = key => counts.reduce((total, count) => total + count[key], 0);
console.log('');
for (const { name, passed, failed, skipped, seconds } of counts) {
  const time = seconds > 0 ? `${seconds.toFixed(0)} s` : '';
  console.log(
    `${name.padEnd(14)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed ${String(skipped).padStart(4)} skipped  ${time}`,
  );
}
const skippedInCi = process.env.CI ? sum('skipped') : 0;
if (skippedInCi > 0) console.log(`${skippedInCi} skipped: in CI that is a failure.`);
console.log(`${sum('passed')} passed, ${sum('failed') + skippedInCi} failed, ${sum('skipped') - skippedInCi} skipped`);
process.exitCode = sum('failed') + skippedInCi > 0 ? 1 : 0;
