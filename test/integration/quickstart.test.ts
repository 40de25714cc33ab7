import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { repository } from '../support/cli.ts';
import { until } from '../support/until.ts';

/** Starts `npm run quickstart` without npm, and gathers what it prints. */
function quickstart(...args: string[]) {
  const child = spawn(process.execPath, [join(repository, 'scripts', 'run.mjs'), 'quickstart', ...args], {
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run = { child, text: '', status: new Promise<number | null>(resolve => child.on('close', resolve)) };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', data => {
      run.text += data;
    });
  }
  onTestFinished(() => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
  });
  return run;
}

const folderOf = (text: string) => /Data of this run: (\S+)/.exec(text)![1]!;

test('--exit: the result, and everything stopped', async () => {
  const run = quickstart('--exit');
  expect(await run.status).toBe(0);
  expect(run.text).toContain("month: '2025-12'");
  expect(run.text).toMatch(/Stopped the endpoint "local"\.\n.*Stopped the broker\.\n$/);
  expect(existsSync(folderOf(run.text))).toBe(false);
});

test('stays up after the result until Ctrl-C, which reaches every process of the terminal', async () => {
  const run = quickstart();
  await until('it says how to go on', () => run.text.includes('Ctrl-C stops the broker and the endpoint.'));
  expect(run.text).toContain("month: '2025-01'");
  expect(run.text).toContain(`RUNABOUT_HOME=${folderOf(run.text)} code --extensionDevelopmentPath=`);
  expect(existsSync(folderOf(run.text))).toBe(true);
  process.kill(-run.child.pid!, 'SIGINT');
  expect(await run.status).toBe(0);
  expect(run.text).toMatch(/Stopped the endpoint "local"\.\n.*Stopped the broker\.\n$/);
  expect(existsSync(folderOf(run.text))).toBe(false);
});
