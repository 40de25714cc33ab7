import { expect, test } from 'vitest';
import { digestOf } from '../../../protocol/ids.ts';
import { bundleOf } from '../../support/bundle.ts';
import { until } from '../../support/until.ts';
import { type Ended, ManagerBench, worksOn } from './support/bench.ts';
import { isAlive } from './support/endpoint.ts';

test('values of every kind come back, sync and async', async () => {
  const bench = await ManagerBench.start();
  const echo = 'export default (value: unknown) => value';
  for (const value of [
    1,
    'a',
    null,
    [1, { a: 2 }],
    new Map([['k', new Set([1n])]]),
    new Date(0),
    new Uint8Array([1, 2]),
  ]) {
    expect((await bench.call(echo, { args: [value], kind: 'sync' })).value).toEqual(value);
  }
  expect((await bench.call('export default () => {}', { kind: 'sync' })).value).toBeUndefined();
  const large = (await bench.call('export default async () => "x".repeat(3_000_000)')).result!;
  expect(large.value).toMatchObject({ size: 3_000_002, blob: expect.any(String) });
});

test('yields arrive live, and the value is all of them', async () => {
  const bench = await ManagerBench.start();
  const { value, output } = await bench.call(
    'export default async function* (n: number) { for (let i = 0; i < n; i++) { console.log("at", i); yield { i }; } }',
    { args: [3], kind: 'async-generator' },
  );
  expect(value).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
  expect(output.map(({ seq, stream, text }) => [seq, stream, text])).toEqual([
    [0, 'stdout', 'at 0\n'],
    [1, 'item', '{"i":0}'],
    [2, 'stdout', 'at 1\n'],
    [3, 'item', '{"i":1}'],
    [4, 'stdout', 'at 2\n'],
    [5, 'item', '{"i":2}'],
  ]);
  const sync = await bench.call('export default function* () { yield 1; yield "b"; }', { kind: 'generator' });
  expect(sync.value).toEqual([1, 'b']);
});

test('output of both streams, of child processes too, in order and with time stamps', async () => {
  const bench = await ManagerBench.start();
  const before = Date.now();
  const { stdout, stderr, output } = await bench.call(`
    import { execFileSync, spawnSync } from 'node:child_process';
    export default async () => {
      console.log('one');
      console.error('two');
      process.stdout.write('drei €');
      spawnSync('/bin/sh', ['-c', 'echo from-child; echo child-error >&2'], { stdio: 'inherit' });
    }`);
  expect(stdout).toBe('one\ndrei €from-child\n');
  expect(stderr).toBe('two\nchild-error\n');
  expect(output.map(({ seq }) => seq)).toEqual(output.map((_, i) => i));
  for (const { at } of output) expect(at).toBeGreaterThanOrEqual(before);
});

test('output over the cap is dropped with a note, and no character is cut', async () => {
  const bench = await ManagerBench.start(1, { outputBytes: 100_000 });
  const { stdout, stderr, output } = await bench.call(
    'export default async () => { console.log("€".repeat(50_000)); }',
  );
  expect(stdout.length).toBeGreaterThan(33_000);
  expect(stdout).not.toContain('\uFFFD'.repeat(2));
  expect(stderr).toBe('[runabout] 50001 more bytes of output were dropped: a task may print 100000.\n');
  for (const { payload } of output) expect(payload.length).toBeLessThanOrEqual(16 * 1024);
  await worksOn(bench);
});

const failures: [name: string, source: string, expected: object][] = [
  [
    'an error',
    'export default async () => { throw new RangeError("no"); }',
    { code: 'function-threw', name: 'RangeError', message: 'no' },
  ],
  [
    'a string',
    'export default async () => { throw "oops"; }',
    { code: 'function-threw', message: 'Not an Error was thrown, but a string: oops' },
  ],
  [
    'null',
    'export default async () => { throw null; }',
    { code: 'function-threw', message: 'Not an Error was thrown, but null: null' },
  ],
  [
    'an object',
    'export default async () => { throw { a: 1 }; }',
    { code: 'function-threw', message: 'Not an Error was thrown, but an object: { a: 1 }' },
  ],
  [
    'an error that cannot be looked at',
    'export default async () => { throw Object.defineProperty(new Error("x"), "message", { get() { throw 1; } }); }',
    { code: 'function-threw', name: 'Error', message: '' },
  ],
  [
    'a function as result',
    'export default async () => ({ a: [() => 1] })',
    { code: 'result-not-sendable', message: 'The value at .a[0] is a function.' },
  ],
  ['a result that is too large', 'export default async () => new Uint8Array(51_000_000)', { code: 'result-too-large' }],
  [
    'code that throws while it loads',
    'throw new Error("at load"); export default () => 1',
    { code: 'bundle-not-loadable', message: 'at load' },
  ],
  [
    'code without a function',
    'export default 5',
    { code: 'bundle-not-loadable', message: 'The bundle has no function as its default export.' },
  ],
  [
    'process.exit',
    'export default async () => { console.log("before"); process.exit(3); }',
    { code: 'function-exited', message: 'The function ended its process with exit code 3.' },
  ],
  [
    'process.exit without a word',
    'export default () => process.exit(0)',
    { code: 'function-exited', message: 'The function ended its process with exit code 0.' },
  ],
  [
    'an exception in a timer',
    'export default () => new Promise(() => setTimeout(() => { throw new Error("in timer"); }, 1))',
    { code: 'function-threw', message: 'in timer' },
  ],
  [
    'a rejection that nobody handles',
    'export default () => new Promise(() => { void Promise.reject(new Error("floating")); })',
    { code: 'function-threw', message: 'floating' },
  ],
  [
    'process.abort',
    'export default async () => process.abort()',
    { code: 'function-crashed', message: 'The function crashed its process (SIGABRT).' },
  ],
  [
    'a segmentation fault',
    'export default async () => { process.kill(process.pid, "SIGSEGV"); await new Promise(() => {}); }',
    { code: 'function-crashed' },
  ],
];

test.for(failures)('%s: its own outcome, and the next task works', async ([, source, expected]) => {
  const bench = await ManagerBench.start();
  const { result } = await bench.call(source);
  expect(result).toMatchObject({ outcome: 'failed', error: expected });
  await worksOn(bench);
});

test('code that is no JavaScript', async () => {
  const bench = await ManagerBench.start();
  const code = Buffer.from('export default (');
  const bundle = { ...(await bundleOf('export default 1')), code, digest: digestOf(code) };
  const { result } = await bench.run(bundle, []).ended;
  expect(result).toMatchObject({ outcome: 'failed', error: { code: 'bundle-not-loadable', name: 'SyntaxError' } });
  await worksOn(bench);
});

test('a function that writes nonsense to the channel ends only its own worker', async () => {
  const bench = await ManagerBench.start();
  for (const nonsense of ['Buffer.alloc(8, 0xff)', 'Buffer.from([0, 0, 0, 2, 123, 125])', 'Buffer.alloc(2_000_000)']) {
    const source = `import { writeSync } from 'node:fs';
      export default async () => { writeSync(4, ${nonsense}); await new Promise(() => setInterval(() => {}, 1000)); };`;
    const { result } = await bench.call(source);
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'function-crashed' } });
    await worksOn(bench);
  }
});

test('what was printed before process.exit is there', async () => {
  const bench = await ManagerBench.start();
  const { stdout } = await bench.call(
    'export default () => { for (let i = 0; i < 2000; i++) console.log("line", i); process.exit(1); }',
  );
  expect(stdout.trim().split('\n')).toHaveLength(2000);
});

test('a heap that is too small is told as such', async () => {
  const bench = await ManagerBench.start(1, { heapMb: 32 });
  const { result } = await bench.call(
    'export default () => { const all: unknown[] = []; for (;;) all.push(new Array(1000).fill({})); }',
  );
  expect(result).toMatchObject({ outcome: 'failed', error: { code: 'function-out-of-memory' } });
  await worksOn(bench);
});

test('a worker killed from outside is lost with its task', async () => {
  const bench = await ManagerBench.start();
  const { lost } = await bench.call(
    'export default async () => { process.kill(process.pid, "SIGKILL"); await new Promise(() => {}); }',
  );
  expect(lost).toMatchObject({ workerDied: true, reason: 'The worker was killed from outside (SIGKILL).' });
  await worksOn(bench);
});

const stuck: [name: string, source: string][] = [
  [
    'waits for ever',
    'export default async () => { console.log("on"); setInterval(() => {}, 1000); await new Promise(() => {}); }',
  ],
  ['never gives way', 'export default () => { console.log("on"); for (;;); }'],
  [
    'does not listen to SIGTERM',
    'export default async () => { process.on("SIGTERM", () => {}); console.log("on"); await new Promise(() => {}); }',
  ],
];

test.for(stuck)('a function that %s is cancelled', async ([, source]) => {
  const bench = await ManagerBench.start();
  const call = await bench.begin(source);
  await until('it runs', () => call.output.length > 0);
  call.cancel();
  const { result } = await call.ended;
  expect(result).toMatchObject({
    outcome: 'cancelled',
    error: { code: 'task-cancelled', message: 'Somebody cancelled it.' },
  });
  await worksOn(bench);
});

test.for(stuck)('a function that %s times out', async ([, source]) => {
  const bench = await ManagerBench.start();
  const { result, stdout } = await bench.call(source, { timeoutMs: 300 });
  expect(stdout).toBe('on\n');
  expect(result).toMatchObject({ outcome: 'failed', error: { code: 'function-timeout' } });
  await worksOn(bench);
});

test('a cancel before the start ends it without a run, the one that runs goes on', async () => {
  const bench = await ManagerBench.start();
  const first = await bench.begin('export default () => new Promise(r => setTimeout(() => r("done"), 300))');
  const second = await bench.begin('export default () => { console.log("ran"); }');
  second.cancel();
  expect((await second.ended).result).toMatchObject({ outcome: 'cancelled' });
  expect((await second.ended).output).toEqual([]);
  expect((await first.ended).value).toBe('done');
});

test('cancel reaches grandchildren', async () => {
  const bench = await ManagerBench.start();
  const call = await bench.begin(`
    import { spawn } from 'node:child_process';
    export default async () => {
      const child = spawn('/bin/sh', ['-c', 'trap "" TERM; sleep 600 & echo $!; wait'], { stdio: 'inherit' });
      await new Promise(() => child);
    }`);
  await until('the grandchild runs', () => call.output.length > 0);
  const grandchild = Number(call.output[0]!.text);
  expect(isAlive(grandchild)).toBe(true);
  call.cancel();
  await call.ended;
  await until('the grandchild is gone', () => !isAlive(grandchild));
  await worksOn(bench);
});

test('the time that a source map takes is not counted as the time of the function', async () => {
  const bench = await ManagerBench.start(2);
  const limit = { timeoutMs: 400 };
  const bundle = await bundleOf("export default () => { throw new RangeError('at once'); }");
  bench.withheld.set(bundle.mapDigest, []);
  const { ended } = bench.run(bundle, [], 'sync', limit.timeoutMs);
  await until('the map is asked for', () => bench.withheld.get(bundle.mapDigest)!.length === 1);
  // Another one is stopped by the same limit, which began later: by then the first one's is over too.
  const other = await bench.call('export default () => new Promise(() => setInterval(() => {}, 1000))', limit);
  expect(other.result).toMatchObject({ error: { code: 'function-timeout' } });
  for (const answer of bench.withheld.get(bundle.mapDigest)!) answer();
  const { result } = await ended;
  expect(result).toMatchObject({ outcome: 'failed', error: { code: 'function-threw', message: 'at once' } });
  expect(result!.error!.frames![0]).toMatchObject({ file: expect.not.stringContaining('bundle.mjs') });
  expect(result!.runMs).toBeLessThan(limit.timeoutMs);
});

test('an error in local and foreign code is mapped to the lines of its source', async () => {
  const bench = await ManagerBench.start();
  const source = `type Deep = { level: number };

function inner({ level }: Deep): never {
  throw new TypeError('too deep: ' + level, { cause: new Error('the reason') });
}

export default async function outer(level: number) {
  await null;
  inner({ level });
}
`;
  const { result } = await bench.call(source, { args: [3], file: 'src/deep.ts' });
  const error = result!.error!;
  expect(error).toMatchObject({ code: 'function-threw', name: 'TypeError', message: 'too deep: 3' });
  expect(error.frames).toMatchObject([
    { name: 'inner', file: 'src/deep.ts', line: 4, column: 9, bundle: { line: expect.any(Number) } },
    { name: 'outer', file: 'src/deep.ts', line: 9 },
  ]);
  expect(error.frames).toHaveLength(2);
  expect(error.stack).toBe('TypeError: too deep: 3\n    at inner (src/deep.ts:4:9)\n    at outer (src/deep.ts:9:3)');
  expect(error.cause).toMatchObject({
    name: 'Error',
    message: 'the reason',
    frames: [{ file: 'src/deep.ts', line: 4 }, {}],
  });
});

test('a bundle is loaded once, and tasks go to the worker that has it', async () => {
  const bench = await ManagerBench.start(2);
  const counted = 'let calls = 0; export default async () => [process.pid, ++calls]';
  const ends: Ended[] = [];
  for (let i = 0; i < 5; i++) ends.push(await bench.call(counted));
  const pids = new Set(ends.map(({ value }) => (value as number[])[0]));
  expect(pids.size).toBe(1);
  expect(ends.map(({ value }) => (value as number[])[1])).toEqual([1, 2, 3, 4, 5]);
  expect(ends[0]!.result!.loadMs).toBeGreaterThan(0);
  expect(ends[1]!.result!.loadMs).toBe(0);
});

test('workers end with a manager that is killed, even in an endless loop', async () => {
  const bench = await ManagerBench.start(2);
  const call = await bench.begin('export default () => { console.log(process.pid); for (;;); }');
  await until('it runs', () => call.output.length > 0);
  const groups = bench.workers!.groups;
  process.kill(bench.managerPid, 'SIGKILL');
  await until('all workers are gone', () => groups.every(pid => !isAlive(pid)), { withinMs: 2_000 });
  await until('its end is noticed', () => bench.detached === 1);
});
