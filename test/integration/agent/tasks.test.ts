/** Tasks through a real broker, agent, manager and worker. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testBroker } from '../../support/broker.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { isAlive, TestEndpoint } from './support/endpoint.ts';

async function started(config?: string, broker: Parameters<typeof testBroker>[0] = {}) {
  const { client } = await testBroker(broker);
  const endpoint = await TestEndpoint.create(client(), config);
  expect(await endpoint.start()).toEqual({ connected: true, pid: expect.any(Number) });
  return endpoint;
}

/** Appends a line to a file: who was there is known whatever becomes of the result. */
const LEDGER = `import { appendFileSync } from 'node:fs';
const note = (file: string, what: string) => appendFileSync(file, what + ' ' + process.env.RUNABOUT_ATTEMPT + '\\n');`;

test('values, output and yields, small and large', async () => {
  const endpoint = await started();
  const { value, stdout, stderr, task } = await endpoint.call(
    'export default async (a: number, b: number) => { console.log("sum of", a, b); console.error("!"); return a + b; }',
    [20, 22],
  );
  expect({ value, stdout, stderr }).toEqual({ value: 42, stdout: 'sum of 20 22\n', stderr: '!\n' });
  expect(task).toMatchObject({ state: 'succeeded', attempt: 1, timings: { loadMs: expect.any(Number) } });

  // Over the size of an inline payload, both ways.
  const large = await endpoint.call('export default (text: string) => text + text', ['x'.repeat(300_000)]);
  expect(large.value).toBe('x'.repeat(600_000));

  const items = await endpoint.call('export default function* () { yield 1; yield { two: 2 }; }', [], {
    kind: 'generator',
  });
  expect(items.value).toEqual([1, { two: 2 }]);
  expect(items.chunks.map(({ stream }) => stream)).toEqual(['item', 'item']);
  // Nothing is left in the journal of what the broker confirmed.
  await until('the state shows idle workers', () => endpoint.state.workers?.busy === 0);
});

test('an error is on the lines of the source', async () => {
  const endpoint = await started();
  const { task, error } = await endpoint.call('\nexport default function fails() {\n  throw new TypeError("no");\n}\n');
  expect(task).toMatchObject({ state: 'failed', error: { code: 'function-threw', name: 'TypeError', message: 'no' } });
  expect(error!.frames![0]).toMatchObject({ name: 'fails', file: 'src/function.ts', line: 3 });
});

test('cancel while it runs, and while it waits', async () => {
  const endpoint = await started();
  const running = await endpoint.submit('export default () => new Promise(() => setInterval(() => {}, 1000))');
  await endpoint.running(running.id);
  const waiting = await endpoint.submit('export default () => 1');
  await endpoint.client.cancelTask(waiting.id);
  expect((await endpoint.end(waiting.id)).task.state).toBe('cancelled');
  await endpoint.client.cancelTask(running.id);
  expect((await endpoint.end(running.id)).task.state).toBe('cancelled');
  expect((await endpoint.call('export default () => "next"')).value).toBe('next');
});

test('a timeout is told as such', async () => {
  const endpoint = await started();
  const { task } = await endpoint.call('export default () => { for (;;); }', [], { timeoutMs: 200 });
  expect(task).toMatchObject({ state: 'failed', error: { code: 'function-timeout' } });
});

test('what kills its worker twice is poison, and the next task runs', async () => {
  const endpoint = await started(undefined, { retryFirstMs: 10 });
  const ledger = join(folder('ledger'), 'ledger');
  const source = `${LEDGER}
    export default (file: string) => { note(file, 'start'); process.kill(process.pid, 'SIGKILL'); for (;;); };`;
  const { task } = await endpoint.call(source, [ledger], { maxAttempts: 5 });
  expect(task).toMatchObject({ state: 'failed', attempt: 2, error: { code: 'task-poison' } });
  expect(readFileSync(ledger, 'utf8')).toBe('start 1\nstart 2\n');
  expect((await endpoint.call('export default () => "next"')).value).toBe('next');
});

test('of several tasks in one worker, the one that kills it is found, and the others succeed', async () => {
  const endpoint = await started('WORKERS=1\nTASKS_PER_WORKER=8\n', { retryFirstMs: 10 });
  const { workers } = await until('it is online', async () => {
    const status = await endpoint.client.endpointStatus(endpoint.record.id);
    return status.workers && status;
  });
  expect(workers).toMatchObject({ total: 1, tasksEach: 8 });
  const gate = join(folder('gate'), 'open');
  const source = `import { existsSync } from 'node:fs';
    export default async (gate: string, kills: boolean) => {
      console.log('on');
      while (!existsSync(gate)) await new Promise(resolve => setTimeout(resolve, 5));
      if (kills) process.kill(process.pid, 'SIGKILL');
      await new Promise(resolve => setTimeout(resolve, 50));
      return process.env.RUNABOUT_ATTEMPT;
    };`;
  const tasks = await Promise.all([false, false, true].map(kills => endpoint.submit(source, [gate, kills])));
  for (const { id } of tasks) await endpoint.running(id);
  await until('all have begun', async () => {
    const outputs = await Promise.all(tasks.map(({ id }) => endpoint.client.taskOutput(id)));
    return outputs.every(({ chunks }) => chunks.length > 0);
  });
  writeFileSync(gate, '');
  const [first, second, killer] = await Promise.all(tasks.map(({ id }) => endpoint.end(id)));
  expect([first?.value, second?.value]).toEqual(['2', '2']);
  expect(killer).toMatchObject({ task: { state: 'failed', attempt: 2 }, error: { code: 'task-poison' } });
});

test('a manager that is killed is replaced, and its tasks run again', async () => {
  const endpoint = await started(undefined, { retryFirstMs: 10 });
  const ledger = join(folder('ledger'), 'ledger');
  const source = `${LEDGER}
    export default async (file: string) => {
      note(file, 'start');
      if (process.env.RUNABOUT_ATTEMPT === '1') await new Promise(() => setInterval(() => {}, 1000));
      return 'done';
    };`;
  const { id } = await endpoint.submit(source, [ledger]);
  await endpoint.running(id);
  await until('it has begun', () => readFileSync(ledger, 'utf8') === 'start 1\n');
  const before = endpoint.managerPid;
  process.kill(before, 'SIGKILL');
  const { task, value } = await endpoint.end(id);
  expect({ state: task.state, attempt: task.attempt, value }).toEqual({
    state: 'succeeded',
    attempt: 2,
    value: 'done',
  });
  expect(endpoint.managerPid).not.toBe(before);
  // Only the new manager has a folder.
  expect(readdirSync(endpoint.paths.managers)).toHaveLength(1);
});

test('of two blocks, one goes down: its task runs again, that of the other goes on, and there are two again', async () => {
  const endpoint = await started('WORKERS=1\nBLOCKS=2\n', { retryFirstMs: 10 });
  await until(
    'both are there',
    async () => (await endpoint.client.endpointStatus(endpoint.record.id)).workers?.total === 2,
  );
  const source = `import { existsSync } from 'node:fs';
    export default async (gate: string) => {
      console.log(process.ppid);
      while (!existsSync(gate)) await new Promise(resolve => setTimeout(resolve, 20));
      return process.env.RUNABOUT_ATTEMPT;
    };`;
  const gate = join(folder('gate'), 'open');
  const ids = await Promise.all([endpoint.submit(source, [gate]), endpoint.submit(source, [gate])]);
  const managerOf = (id: string) =>
    until('it has begun', async () => Number((await endpoint.client.taskOutput(id)).chunks[0]?.text) || false);
  const [first, second] = await Promise.all(ids.map(({ id }) => managerOf(id)));
  expect(new Set([first, second]).size).toBe(2);
  process.kill(first!, 'SIGKILL');
  await until('there are two again', () => endpoint.managerPids.length === 2 && !endpoint.managerPids.includes(first!));
  expect(endpoint.managerPids).toContain(second);
  writeFileSync(gate, '');
  expect((await endpoint.end(ids[0]!.id)).value).toBe('2');
  expect((await endpoint.end(ids[1]!.id)).value).toBe('1');
});

test('an agent that is killed finds its manager again, and nothing runs twice', async () => {
  const endpoint = await started();
  const ledger = join(folder('ledger'), 'ledger');
  const source = `${LEDGER}
    export default async (file: string, gate: string) => {
      note(file, 'start');
      const { existsSync } = await import('node:fs');
      console.log('before');
      while (!existsSync(gate)) await new Promise(r => setTimeout(r, 20));
      console.log('after');
      note(file, 'finish');
      return 'done';
    };`;
  const gate = `${ledger}.gate`;
  const { id } = await endpoint.submit(source, [ledger, gate]);
  // An agent that is killed takes the output with it that it has not passed on yet.
  await until('it says so', async () => (await endpoint.client.taskOutput(id)).chunks.length > 0);
  const manager = endpoint.managerPid;
  process.kill(endpoint.pid, 'SIGKILL');
  await until('the lock is stale', () => endpoint.state.state === 'stale');
  expect(await endpoint.start()).toMatchObject({ connected: true });
  writeFileSync(gate, '');
  const { task, value, stdout } = await endpoint.end(id);
  expect(task).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect({ value, stdout }).toEqual({ value: 'done', stdout: 'before\nafter\n' });
  expect(readFileSync(ledger, 'utf8')).toBe('start 1\nfinish 1\n');
  expect(endpoint.managerPid).toBe(manager);
});

test('a started task whose manager died with the agent is lost at once, and at most once means that', async () => {
  const endpoint = await started(undefined, { lossGraceMs: 0 });
  const ledger = join(folder('ledger'), 'ledger');
  const source = `${LEDGER}
    export default (file: string) => { note(file, 'start'); return new Promise(() => setInterval(() => {}, 1000)); };`;
  const { id } = await endpoint.submit(source, [ledger], { maxAttempts: 1 });
  await endpoint.running(id);
  await until('it has begun', () => readFileSync(ledger, 'utf8') === 'start 1\n');
  const { pid, managerPid } = endpoint;
  process.kill(pid, 'SIGKILL');
  process.kill(managerPid, 'SIGKILL');
  await until('both are gone', () => !isAlive(pid) && !isAlive(managerPid));
  await endpoint.start();
  const { task } = await endpoint.end(id);
  expect(task).toMatchObject({ state: 'lost', attempt: 1 });
  expect(readFileSync(ledger, 'utf8')).toBe('start 1\n');
});

test('a result survives an outage of the broker, and an agent restart in it', async () => {
  const dataDir = folder('broker');
  const first = await testBroker({ dataDir });
  const endpoint = await TestEndpoint.create(first.client());
  await endpoint.start();
  const gate = join(folder('gate'), 'gate');
  const { id } = await endpoint.submit(
    `import { existsSync } from 'node:fs';
     export default async (gate: string) => {
       while (!existsSync(gate)) await new Promise(r => setTimeout(r, 20));
       console.log('in the dark');
       return 'x'.repeat(100_000);
     };`,
    [gate],
  );
  await endpoint.running(id);
  await first.close();
  await until('the agent sees it', () => endpoint.state.connected === false);
  writeFileSync(gate, '');
  await until('the agent has the result', () => endpoint.state.undelivered === 1);
  process.kill(endpoint.pid, 'SIGKILL');
  await until('the agent is gone', () => endpoint.state.state === 'stale');
  const again = await testBroker({ dataDir, port: first.port });
  await endpoint.start();
  const { task, value } = await endpoint.end(id);
  expect(task).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect(value).toBe('x'.repeat(100_000));
  expect(again.url).toBe(first.url);
});

test('output of an outage comes after it', async () => {
  const dataDir = folder('broker');
  const first = await testBroker({ dataDir });
  const endpoint = await TestEndpoint.create(first.client());
  await endpoint.start();
  const gate = join(folder('gate'), 'gate');
  const { id } = await endpoint.submit(
    `import { existsSync } from 'node:fs';
     export default async (gate: string) => {
       console.log('one');
       while (!existsSync(gate)) await new Promise(r => setTimeout(r, 20));
       console.log('two');
     };`,
    [gate],
  );
  // What is on its way when a connection breaks is gone.
  await until('the broker has what came first', async () => (await endpoint.client.taskOutput(id)).chunks.length > 0);
  await first.close();
  await until('the agent sees it', () => endpoint.state.connected === false);
  writeFileSync(gate, '');
  await until('the agent has the result', () => endpoint.state.undelivered === 1);
  await testBroker({ dataDir, port: first.port });
  expect((await endpoint.end(id)).stdout).toBe('one\ntwo\n');
});

test('many short tasks, all once', async () => {
  const endpoint = await started('WORKERS=2\n');
  const first = await endpoint.submit('export default (n: number) => n', [0], { kind: 'sync' });
  await endpoint.end(first.id);
  const calls = await Promise.all(
    Array.from({ length: 500 }, async (_, n) => ({
      function: { id: first.function.id },
      endpoint: endpoint.record.id,
      args: await endpoint.client.encodeArguments([n]),
    })),
  );
  const tasks = await endpoint.client.submit(calls);
  const last = await endpoint.end(tasks.at(-1)!.id);
  expect(last.value).toBe(499);
  await until('all have ended', async () => {
    const { items } = await endpoint.client.listTasks({ state: 'succeeded', limit: 500 });
    return items.length === 500;
  });
});
