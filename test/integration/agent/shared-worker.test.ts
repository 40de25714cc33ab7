/** Workers that run several tasks at once: a real manager and real workers. */
import { expect, test } from 'vitest';
import { until } from '../../support/until.ts';
import { ManagerBench, worksOn } from './support/bench.ts';

const shared = (tasksPerWorker = 4, workers = 1) => ManagerBench.start(workers, { tasksPerWorker });

/** Ends when the test says so, through a variable of the worker that all bundles of it share. */
const GATE = `const gate = (globalThis as any).gate ??= Promise.withResolvers();`;
const OPEN = `${GATE} export default async () => { gate.resolve(); };`;
const WAITS = `${GATE} export default async (name: string) => {
  console.log(name + ' begins');
  await gate.promise;
  console.log(name + ' ends');
  return [name, process.pid];
};`;

/** Begins calls, and waits until they have. */
async function waiting(bench: ManagerBench, ...names: string[]) {
  const calls = await Promise.all(names.map(name => bench.begin(WAITS, { args: [name] })));
  await until('they have begun', () => calls.every(({ output }) => output.length > 0));
  return calls;
}

test('several tasks run in one process, each with its own output and yields', async () => {
  const bench = await shared();
  const calls = await waiting(bench, 'a', 'b', 'c');
  const generator = `export default async function* () {
    for (let i = 0; i < 3; i++) { await new Promise(r => setTimeout(r, 5)); console.error('at', i); yield i; }
  }`;
  const yields = await bench.call(generator, { kind: 'async-generator' });
  expect(yields.value).toEqual([0, 1, 2]);
  expect(yields.stderr).toBe('at 0\nat 1\nat 2\n');
  expect(yields.output.filter(({ stream }) => stream === 'item')).toHaveLength(3);
  await bench.call(OPEN);
  const ended = await Promise.all(calls.map(({ ended }) => ended));
  expect(ended.map(({ stdout }) => stdout)).toEqual(['a begins\na ends\n', 'b begins\nb ends\n', 'c begins\nc ends\n']);
  expect(new Set(ended.map(({ value }) => (value as [string, number])[1])).size).toBe(1);
});

test('never more than it may, and tasks spread over the workers', async () => {
  const bench = await shared(2, 2);
  const calls = await waiting(bench, 'a', 'b', 'c', 'd');
  const fifth = await bench.begin(WAITS, { args: ['e'] });
  expect(new Set(calls.map(({ output }) => output.length))).toEqual(new Set([1]));
  expect(fifth.output).toEqual([]);
  calls[0]!.cancel();
  await until('the fifth has begun', () => fifth.output.length > 0);
  for (const call of [...calls, fifth]) call.cancel();
  await Promise.all([...calls, fifth].map(({ ended }) => ended));
  await worksOn(bench);
});

test('variables of their own, in child processes too', async () => {
  const bench = await shared();
  const source = `${GATE}
    import { spawnSync } from 'node:child_process';
    export default async () => {
      console.log('on');
      await gate.promise;
      const { stdout } = spawnSync('/bin/sh', ['-c', 'echo $RUNABOUT_TASK'], { encoding: 'utf8' });
      return [process.env.RUNABOUT_TASK, stdout.trim()];
    };`;
  const calls = await Promise.all([bench.begin(source), bench.begin(source)]);
  await until('they have begun', () => calls.every(({ output }) => output.length > 0));
  await bench.call(OPEN);
  const values = (await Promise.all(calls.map(({ ended }) => ended))).map(({ value }) => value);
  expect(values).toEqual(calls.map(({ task }) => [task, task]));
});

const failures: [name: string, source: string, error: object][] = [
  ['throws', 'export default async () => {\n  throw new Error("no");\n}', { code: 'function-threw', message: 'no' }],
  [
    'throws outside of its call',
    'export default () => new Promise(() => setTimeout(() => { throw new Error("late"); }, 5));',
    { code: 'function-threw', message: 'late' },
  ],
  [
    'leaves a rejection unhandled',
    'export default async () => {\n  setTimeout(() => Promise.reject(new Error("lost")), 5);\n  await new Promise(() => {});\n};',
    { code: 'function-threw', message: 'lost' },
  ],
  ['calls process.exit', 'export default async () => { process.exit(3); };', { code: 'function-exited' }],
];

test.for(failures)('a task that %s fails alone', async ([, source, error]) => {
  const bench = await shared();
  const others = await waiting(bench, 'a', 'b');
  const { result } = await bench.call(source, { kind: 'async' });
  expect(result).toMatchObject({ outcome: 'failed', error });
  // In the same worker: the others are still in it, so it takes nothing new if it has to be replaced.
  for (const other of others) other.cancel();
  expect((await Promise.all(others.map(({ ended }) => ended))).map(({ result }) => result?.outcome)).toEqual([
    'cancelled',
    'cancelled',
  ]);
  await worksOn(bench);
});

test('errors of several tasks at once are each mapped to their source', async () => {
  const bench = await shared();
  const source = 'export default async (n: number) => {\n  await null;\n  throw new Error("no " + n);\n}';
  const calls = await Promise.all([1, 2, 3].map(n => bench.begin(source, { args: [n] })));
  const errors = (await Promise.all(calls.map(({ ended }) => ended))).map(({ result }) => result?.error);
  expect(errors.map(error => error?.message)).toEqual(['no 1', 'no 2', 'no 3']);
  for (const error of errors) expect(error?.stack).toMatch(/\.ts:3:/);
});

test('one is cancelled: it and no other', async () => {
  const bench = await shared();
  const [a, b] = await waiting(bench, 'a', 'b');
  a!.cancel();
  expect((await a!.ended).result).toMatchObject({ outcome: 'cancelled', error: { message: 'Somebody cancelled it.' } });
  expect((await a!.ended).stdout).toBe('a begins\n');
  b!.cancel();
  expect((await b!.ended).result).toMatchObject({ outcome: 'cancelled' });
  await worksOn(bench);
});

test('its signal tells a function that it is cancelled, and it has time to end', async () => {
  const bench = await shared();
  const source = `export default () => new Promise(resolve => {
    const { signal } = (globalThis as any).runabout;
    signal.addEventListener('abort', () => { console.log('cleaned: ' + signal.reason.message); resolve('late'); });
    console.log('on');
  });`;
  const call = await bench.begin(source);
  const other = await bench.begin(source);
  await until('they have begun', () => call.output.length > 0 && other.output.length > 0);
  call.cancel();
  const { result, stdout } = await call.ended;
  expect(result).toMatchObject({ outcome: 'cancelled' });
  expect(stdout).toBe('on\ncleaned: The task was stopped.\n');
  expect(other.output.map(({ text }) => text)).toEqual(['on\n']);
  other.cancel();
  await other.ended;
});

test('a worker that runs one task at a time gives the same signal', async () => {
  const bench = await ManagerBench.start();
  const call = await bench.begin(`export default () => new Promise(() => {
    const { signal } = (globalThis as any).runabout;
    signal.addEventListener('abort', () => console.log('cleaned'));
    setInterval(() => {}, 1000);
    console.log('on');
  });`);
  await until('it has begun', () => call.output.length > 0);
  call.cancel();
  expect(await call.ended).toMatchObject({ result: { outcome: 'cancelled' }, stdout: 'on\ncleaned\n' });
});

test('one is out of time: it and no other', async () => {
  const bench = await shared();
  const [a] = await waiting(bench, 'a');
  const { result } = await bench.call(WAITS, { args: ['b'], timeoutMs: 50 });
  expect(result).toMatchObject({ outcome: 'failed', error: { code: 'function-timeout' } });
  a!.cancel();
  await a!.ended;
});

test('one that does not give way takes its worker with it when it is cancelled, and the others are not blamed', async () => {
  const bench = await shared();
  const [a] = await waiting(bench, 'a');
  const stuck = await bench.begin('export default async () => { console.log("on"); for (;;); }');
  await until('it has begun', () => stuck.output.length > 0);
  stuck.cancel();
  expect((await stuck.ended).result).toMatchObject({ outcome: 'cancelled' });
  expect((await a!.ended).lost).toMatchObject({
    workerDied: false,
    reason: 'Its worker was ended because of another task.',
  });
  await worksOn(bench);
});

test('when the worker dies, all its tasks are lost with it', async () => {
  const bench = await shared();
  const [a] = await waiting(bench, 'a');
  const b = await bench.call('export default () => { process.kill(process.pid, "SIGKILL"); }', { kind: 'sync' });
  expect(b.lost).toMatchObject({ workerDied: true });
  expect((await a!.ended).lost).toMatchObject({
    workerDied: true,
    reason: 'Its worker was killed (SIGKILL) while it ran 2 tasks; which of them did that is not known.',
  });
  await worksOn(bench);
});

test('one that is to run alone waits for the others, and others wait for it', async () => {
  const bench = await shared();
  // Tells how many have begun in its process, which is another one when a task of it was dropped.
  const source = `export default async () => {
    console.log((globalThis as any).begun = ((globalThis as any).begun ?? 0) + 1);
    await new Promise(() => setInterval(() => {}, 1000));
  };`;
  const first = await bench.begin(source);
  await until('it has begun', () => first.output.length > 0);
  const alone = await bench.begin(source, { alone: true });
  const after = await bench.begin(source);
  for (const call of [first, alone, after]) {
    await until('it has begun', () => call.output.length > 0);
    expect(call.output[0]!.text).toBe('1\n');
    call.cancel();
    expect((await call.ended).result).toMatchObject({ outcome: 'cancelled' });
  }
});

test('one that is to run alone and dies is judged by what it did', async () => {
  const bench = await shared();
  const source = 'export default async () => { process.abort(); }';
  expect((await bench.call(source, { alone: true })).result).toMatchObject({
    outcome: 'failed',
    error: { code: 'function-crashed' },
  });
  await worksOn(bench);
});

test('a stop ends them all', async () => {
  const bench = await shared();
  const calls = await waiting(bench, 'a', 'b');
  bench.link.send({ t: 'stop' });
  const ended = await Promise.all(calls.map(({ ended }) => ended));
  expect(ended.map(({ lost }) => lost)).toMatchObject([
    { workerDied: false, reason: 'The endpoint was stopped.' },
    { workerDied: false, reason: 'The endpoint was stopped.' },
  ]);
});
