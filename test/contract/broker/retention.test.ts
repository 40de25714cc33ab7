import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { digestOf } from '../../../protocol/ids.ts';
import { CODE, target, testBroker } from '../../support/broker.ts';
import { MovableClock } from '../../support/clock.ts';
import { folder } from '../../support/folder.ts';
import { RawAgent, succeeded } from '../../support/raw-agent.ts';
import { until } from '../../support/until.ts';

const retentionMs = 3600_000;
const uploadGraceMs = 600_000;

async function start(dataDir = folder('broker')) {
  const clock = new MovableClock();
  const broker = await testBroker({ dataDir, clock, retentionMs, uploadGraceMs, purgeMs: 20 });
  const fileOf = (digest: string) => join(dataDir, 'blobs', digest.slice(0, 2), digest.slice(2));
  return { broker, clock, fileOf };
}

it('says in the record of an ended task how long it is kept, and afterwards that it is gone and what to do', async () => {
  const { broker, clock } = await start();
  const { client, agentToken, submit } = await target(broker.client());
  const waiting = await submit();
  const agent = await RawAgent.join(broker.url, agentToken, { credit: 1 });
  await agent.next('task', waiting.id);
  const kept = await submit();
  agent.send(...succeeded(waiting.id, 1));
  const ended = await client.waitForTask(waiting.id);
  expect(ended.keptUntil).toBe(ended.endedAt! + retentionMs);
  expect((await client.getTask(kept.id)).keptUntil).toBeUndefined();

  clock.pass(retentionMs + 1_000);
  await until('the task is deleted', async () => (await client.listTasks()).items.length === 1);
  for (const read of [
    () => client.getTask(ended.id),
    () => client.taskResult(ended.id),
    () => client.taskOutput(ended.id),
    () => client.taskHistory(ended.id),
    () => client.cancelTask(ended.id),
    () => client.waitForTask(ended.id),
  ]) {
    await expect(read()).rejects.toMatchObject({
      code: 'task-gone',
      status: 410,
      message: expect.stringContaining('60 minutes after its end'),
      hint: expect.stringContaining('Run the function again'),
    });
  }
  expect(await client.getTask(kept.id)).toMatchObject({ state: 'queued' });
  // Of another owner, or made up: the same answer, which says nothing about either.
  const { token } = await client.createUser('ann');
  await expect(broker.client(token).getTask(ended.id)).rejects.toMatchObject({ code: 'task-gone' });
  await expect(broker.client(token).getTask(kept.id)).rejects.toMatchObject({ code: 'task-gone' });
  await expect(client.getTask('01900000-0000-7000-8000-000000000000')).rejects.toMatchObject({ code: 'task-gone' });
});

it('says "not found" of a task that was never there', async () => {
  const { broker } = await start();
  const { submit, client } = await target(broker.client());
  const { token } = await client.createUser('ann');
  const { id } = await submit();
  await expect(broker.client(token).getTask(id)).rejects.toMatchObject({ code: 'not-found', status: 404 });
});

it('deletes the files of blobs that nothing refers to after their grace, and no others', async () => {
  const { broker, clock, fileOf } = await start();
  const { client, submit } = await target(broker.client());
  const args = await client.encodeArguments(['x'.repeat(100_000)]);
  if (!('blob' in args)) throw new Error('the arguments are no blob');
  const task = await submit({ args });
  const unused = await client.encodeArguments(['y'.repeat(100_000)]);
  if (!('blob' in unused)) throw new Error('the arguments are no blob');
  await client.cancelTask(task.id);

  clock.pass(uploadGraceMs + 1_000);
  await until('the unused upload is gone', () => !existsSync(fileOf(unused.blob)));
  await expect(submit({ args: unused })).rejects.toMatchObject({ code: 'arguments-invalid' });
  expect(existsSync(fileOf(args.blob))).toBe(true);
  clock.pass(retentionMs);
  await until("the task's arguments are gone", () => !existsSync(fileOf(args.blob)));
  expect(await client.hasBundle(digestOf(CODE))).toBe(true);
  expect(Buffer.from(await client.downloadBundle(digestOf(CODE))).equals(CODE)).toBe(true);
  // What is gone can come again.
  expect(await submit({ args: await client.encodeArguments(['y'.repeat(100_000)]) })).toMatchObject({
    state: 'queued',
  });
});

it('finds files that a crash left without a record', async () => {
  const dataDir = folder('broker');
  const orphan = join(dataDir, 'blobs', 'ab', 'c'.repeat(62));
  const stranger = join(dataDir, 'blobs', 'ab', 'README');
  mkdirSync(dirname(orphan), { recursive: true });
  writeFileSync(orphan, 'half a deletion');
  writeFileSync(stranger, 'not ours');
  await start(dataDir);
  await until('the file is gone', () => !existsSync(orphan));
  expect(existsSync(stranger)).toBe(true);
});
