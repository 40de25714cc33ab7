/** The agent's side of delivery, against a broker that does what a real one does only when things go wrong. */
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { endpointPaths } from '../../../agent/endpoint/folder.ts';
import { lockHolder } from '../../../agent/endpoint/lock.ts';
import { endpointState, startEndpoint, stopEndpoint, writeEndpoint } from '../../../agent/index.ts';
import { newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { isAlive } from './support/endpoint.ts';
import { ScriptedBroker } from './support/scripted-broker.ts';

async function agentOf(broker: ScriptedBroker) {
  const ref = { home: folder('home'), name: 'lab' };
  appendFileSync(
    writeEndpoint({ ...ref, id: newId(), url: broker.url, token: 'rba_x' }),
    'WORKERS=1\nDRAIN_SECONDS=0\n',
  );
  onTestFinished(async () => {
    if (lockHolder(endpointPaths(ref).lock)) await stopEndpoint(ref);
  });
  expect((await startEndpoint(ref)).connected).toBe(true);
  const { payload } = await broker.heard('hello');
  await broker.heard('credit');
  return { ref, have: JSON.parse(Buffer.from(payload).toString('utf8')) as unknown[] };
}

/** Notes its start, and waits for a file. */
const GATED = `import { appendFileSync, existsSync } from 'node:fs';
export default async (folder: string) => {
  appendFileSync(folder + '/ledger', 'start ');
  while (!existsSync(folder + '/gate')) await new Promise(r => setTimeout(r, 10));
  return 'done';
};`;

test('accept, started, result: in this order, and the result stays until it is confirmed', async () => {
  const broker = await ScriptedBroker.start();
  const { ref, have } = await agentOf(broker);
  expect(have).toEqual([]);
  const { task, payload } = await broker.task('export default async () => 7');
  broker.say(task, payload);
  const result = await broker.heard('result');
  expect(Buffer.from(result.payload).toString()).toBe('7');
  const order = broker.said.map(({ t }) => t).filter(t => t === 'accept' || t === 'started');
  expect(order).toEqual(['accept', 'started']);

  // Not confirmed: it comes again, on the next connection and from the next process.
  broker.socket!.terminate();
  expect(JSON.parse(String(Buffer.from((await broker.heard('hello')).payload)))).toEqual([[task.task, 1, 'ended']]);
  expect(await broker.heard('result')).toMatchObject({ task: task.task, attempt: 1 });
  const { pid } = lockHolder(endpointPaths(ref).lock)!;
  process.kill(pid, 'SIGKILL');
  await until('the agent is gone', () => !isAlive(pid));
  await startEndpoint(ref);
  expect(JSON.parse(String(Buffer.from((await broker.heard('hello')).payload)))).toEqual([[task.task, 1, 'ended']]);
  const again = await broker.heard('result');
  expect(Buffer.from(again.payload).toString()).toBe('7');

  broker.say({ t: 'confirm', task: task.task, attempt: 1 });
  // What is confirmed is not told again.
  broker.say({ t: 'cancel', task: task.task, attempt: 1, reason: 'x' });
  expect(await broker.heard('lost')).toMatchObject({ reason: 'The agent does not have it.' });
});

test('a large result that is gone before it could be uploaded is a lost attempt, not one that never ends', async () => {
  const broker = await ScriptedBroker.start();
  const { ref } = await agentOf(broker);
  const path = folder('task');
  const { task, payload } = await broker.task(GATED.replace("'done'", "'x'.repeat(200_000)"), [path]);
  broker.say(task, payload);
  await broker.heard('started');
  broker.accepts = false;
  broker.socket!.terminate();
  writeFileSync(join(path, 'gate'), '');
  await until('the result waits for the broker', () => endpointState(ref).undelivered === 1);
  const { cache } = endpointPaths(ref);
  for (const file of readdirSync(cache)) if (statSync(join(cache, file)).size === 200_002) rmSync(join(cache, file));
  broker.accepts = true;
  expect(await broker.heard('lost')).toMatchObject({ task: task.task, attempt: 1, workerDied: false });
});

test('a start is told again after a reconnect: the broker may not have heard it', async () => {
  const broker = await ScriptedBroker.start();
  await agentOf(broker);
  const { task, payload } = await broker.task(GATED, [folder('task')]);
  broker.say(task, payload);
  await broker.heard('started');
  broker.socket!.terminate();
  await broker.heard('hello');
  expect(await broker.heard('started')).toMatchObject({ task: task.task, attempt: 1 });
});

test('an agent that stops while the broker is away reports what it had started as lost at its next start', async () => {
  const broker = await ScriptedBroker.start();
  const { ref } = await agentOf(broker);
  const { task, payload } = await broker.task(GATED, [folder('task')]);
  broker.say(task, payload);
  await broker.heard('started');
  broker.accepts = false;
  broker.socket!.terminate();
  await until('the agent knows', () => endpointState(ref).connected === false);
  await stopEndpoint(ref);
  broker.accepts = true;
  await startEndpoint(ref);
  expect(await broker.heard('lost')).toMatchObject({ task: task.task, attempt: 1, workerDied: false });
});

test('a task that comes twice runs once', async () => {
  const broker = await ScriptedBroker.start();
  await agentOf(broker);
  const path = folder('task');
  const { task, payload } = await broker.task(GATED, [path]);
  broker.say(task, payload);
  await broker.heard('started');
  broker.say(task, payload);
  await broker.heard('accept');
  await broker.heard('accept');
  writeFileSync(join(path, 'gate'), '');
  await broker.heard('result');
  broker.say(task, payload);
  expect(await broker.heard('result')).toMatchObject({ attempt: 1, outcome: 'succeeded' });
  expect(readFileSync(join(path, 'ledger'), 'utf8')).toBe('start ');
});

test('a later attempt of a running task is adopted', async () => {
  const broker = await ScriptedBroker.start();
  await agentOf(broker);
  const path = folder('task');
  const { task, payload } = await broker.task(GATED, [path]);
  broker.say(task, payload);
  expect(await broker.heard('started')).toMatchObject({ attempt: 1 });
  broker.say({ ...task, attempt: 3 }, payload);
  expect(await broker.heard('started')).toMatchObject({ attempt: 3 });
  // An older one is not wanted any more, and changes nothing.
  broker.say({ ...task, attempt: 2 }, payload);
  writeFileSync(join(path, 'gate'), '');
  expect(await broker.heard('result')).toMatchObject({ attempt: 3, outcome: 'succeeded' });
  expect(readFileSync(join(path, 'ledger'), 'utf8')).toBe('start ');
});

test('what is stale is stopped', async () => {
  const broker = await ScriptedBroker.start();
  await agentOf(broker);
  const { task, payload } = await broker.task('export default () => new Promise(() => setInterval(() => {}, 1000))');
  broker.say(task, payload);
  await broker.heard('started');
  broker.say({ t: 'stale', task: task.task, attempt: 1 });
  const next = await broker.task('export default async () => "next"');
  broker.say(next.task, next.payload);
  expect(Buffer.from((await broker.heard('result')).payload).toString()).toBe('"next"');
});

test('nothing new is started without a lease', async () => {
  const broker = await ScriptedBroker.start();
  broker.leaseMs = 600;
  await agentOf(broker);
  broker.answersBeats = false;
  // The agent gives the silent connection up when its lease is over, and starts what it has under the next one.
  await broker.heard('hello');
  expect(broker.connections).toBeGreaterThan(1);
  broker.answersBeats = true;
  const { task, payload } = await broker.task('export default async () => 1');
  broker.say(task, payload);
  await broker.heard('result');
});

test('what the broker does not have is told, what it sends wrongly is refused', async () => {
  const broker = await ScriptedBroker.start();
  await agentOf(broker);
  const { task, payload } = await broker.task('export default async () => 1');
  broker.say({ ...task, digest: 'f'.repeat(64) }, payload);
  expect(await broker.heard('result')).toMatchObject({ outcome: 'failed', error: { code: 'bundle-not-loadable' } });

  for (const wrong of [{ t: 'surprise' }, { t: 'task' }]) {
    const { length } = broker.closeCodes;
    broker.say(wrong);
    await until('the connection is closed', () => broker.closeCodes.length > length);
    expect(broker.closeCodes.at(-1)).toBe(4008);
    await broker.heard('hello');
  }
  const next = newId();
  broker.say({ ...task, task: next }, payload);
  await until('the next task has succeeded', () =>
    broker.said.some(said => said.t === 'result' && said.task === next && said.outcome === 'succeeded'),
  );
});
