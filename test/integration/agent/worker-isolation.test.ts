// What a task sees of the machine and of the tasks before it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleOf } from '../../support/bundle.ts';
import { until } from '../../support/until.ts';
import { ManagerBench, worksOn } from './support/bench.ts';
import { isAlive } from './support/endpoint.ts';

test('what a task leaves behind does not reach the next one', async () => {
  const bench = await ManagerBench.start();
  await bench.call(
    'export default async () => { setTimeout(() => console.log("late"), 150); process.env.LEFT = "1"; }',
  );
  const { stdout, value } = await bench.call(
    'export default async () => { await new Promise(r => setTimeout(r, 400)); return process.env.LEFT; }',
  );
  expect({ stdout, value }).toEqual({ stdout: '', value: undefined });

  const thrown =
    'export default async () => { setTimeout(() => { throw new Error("late"); }, 150); return process.pid; }';
  const { value: pid } = await bench.call(thrown);
  const during = await bench.call(
    'export default async () => { await new Promise(r => setTimeout(r, 400)); return process.pid; }',
  );
  // The task that ran at the time is not disturbed; the worker is replaced after it.
  expect(during.value).toBe(pid);
  const after = await bench.call('export default async () => process.pid');
  expect(after.value).not.toBe(pid);
});

test('a late process.exit does not end the task that runs by then, and the worker is replaced after it', async () => {
  const bench = await ManagerBench.start();
  const leaves = 'export default async () => { setTimeout(() => process.exit(7), 150); return process.pid; }';
  const { value: pid } = await bench.call(leaves);
  const { value, result } = await bench.call(
    'export default async () => { await new Promise(r => setTimeout(r, 400)); return process.pid; }',
  );
  expect({ value, outcome: result?.outcome }).toEqual({ value: pid, outcome: 'succeeded' });
  expect((await bench.call('export default async () => process.pid')).value).not.toBe(pid);
});

test('a child process that is left behind goes with its worker', async () => {
  const bench = await ManagerBench.start();
  const { value } = await bench.call(`
    import { spawn } from 'node:child_process';
    export default async () => [process.pid, spawn('/bin/sleep', ['600']).pid];`);
  const [worker, child] = value as [number, number];
  await until('the child is gone', () => !isAlive(child));
  expect((await bench.call('export default async () => process.pid')).value).not.toBe(worker);
});

test('a clean environment and a scratch folder of its own', async () => {
  const bench = await ManagerBench.start();
  const look = `
    import { readdirSync, writeFileSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    export default async (name: string) => {
      const before = readdirSync('.');
      writeFileSync(name, 'x');
      return { env: { ...process.env }, cwd: process.cwd(), tmp: tmpdir(), before };
    }`;
  type Look = { env: Record<string, string>; cwd: string; tmp: string; before: string[] };
  const call = await bench.begin(look, { args: ['a'] });
  const first = (await call.ended).value as Look;
  const common = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
  const own = ['RUNABOUT_TASK', 'RUNABOUT_ATTEMPT', 'RUNABOUT_ENDPOINT', 'GRANTED'];
  expect(
    Object.keys(first.env)
      .filter(name => !common.includes(name))
      .sort(),
  ).toEqual(own.sort());
  expect(first.env).toMatchObject({
    RUNABOUT_TASK: call.task,
    RUNABOUT_ATTEMPT: '1',
    RUNABOUT_ENDPOINT: 'bench',
    GRANTED: 'yes',
  });
  expect(first.tmp).toBe(first.cwd);
  const second = (await bench.call(look, { args: ['b'] })).value as Look;
  expect(second.before).toEqual([]);
  await until('the first folder is gone', () => !existsSync(first.cwd));

  // A crash leaves nothing either.
  await bench.call(
    'import { writeFileSync } from "node:fs"; export default () => { writeFileSync("c", ""); process.abort(); }',
  );
  await worksOn(bench);
  await until(
    'only the new worker has a folder',
    () => readdirSync(join(bench.folder, 'node', 'scratch')).length === 1,
  );
});

test('a scratch folder that cannot be removed does not take the manager along', async () => {
  const bench = await ManagerBench.start();
  // Deeper than any path may be long: removing it by its path fails for root too.
  const { lost } = await bench.call(`
    import { mkdirSync } from 'node:fs';
    export default () => {
      for (let i = 0; i < 20; i++) {
        mkdirSync('x'.repeat(250));
        process.chdir('x'.repeat(250));
      }
      process.kill(process.pid, 'SIGKILL');
    }`);
  expect(lost).toMatchObject({ workerDied: true });
  const log = join(bench.folder, 'log');
  await until('the manager has logged it', () =>
    readFileSync(log, 'utf8').includes('The scratch folder of a worker could not be removed.'),
  );
  await worksOn(bench);
  expect({ alive: isAlive(bench.managerPid), detached: bench.detached }).toEqual({ alive: true, detached: 0 });
});

const LEAVES = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  import { dirname } from 'node:path';
  export default (what: string) => {
    if (what === 'read-only') {
      fs.mkdirSync('locked');
      fs.writeFileSync('locked/file', '');
      fs.chmodSync('locked', 0o500);
      // Permissions do not stop root.
      fs.rmSync = () => { throw new Error('EACCES'); };
      syncBuiltinESMExports();
    }
    if (what === 'nothing') fs.rmSync(dirname(process.cwd()), { recursive: true });
    return { cwd: what === 'nothing' ? '' : process.cwd(), pid: process.pid };
  };`;

test.each([
  ['read-only', 1],
  ['nothing', 2],
])('a task that leaves %s where its folder was does not hold up those that were sent ahead', async (what, workers) => {
  const bench = await ManagerBench.start();
  const bundle = await bundleOf(LEAVES);
  for (let i = 0; i < 60; i++) await bench.run(bundle, [''], 'sync').ended;
  const runs = [what, '', ''].map(what => bench.run(bundle, [what], 'sync'));
  const ends = await Promise.all(runs.map(({ ended }) => ended));
  const values = ends.map(({ value }) => value as { cwd: string; pid: number });
  expect(new Set(values.map(({ pid }) => pid)).size).toBe(workers);
  expect(values[1]!.cwd).not.toBe(values[0]!.cwd);
  if (what === 'read-only') await until('the folder is gone', () => !existsSync(values[0]!.cwd));
});
