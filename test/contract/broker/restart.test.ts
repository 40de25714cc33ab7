// What was acknowledged is there after the broker was killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { BrokerClient } from '../../../client/client.ts';
import { target } from '../../support/broker.ts';
import { folder } from '../../support/folder.ts';
import { RawAgent, succeeded } from '../../support/raw-agent.ts';
import { until } from '../../support/until.ts';

const program = fileURLToPath(new URL('../../support/broker-process.ts', import.meta.url));

async function start(dataDir: string): Promise<{ child: ChildProcess; url: string; client: BrokerClient }> {
  const child = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  const { url, ownerTokenFile } = JSON.parse(line) as { url: string; ownerTokenFile: string };
  return { child, url, client: new BrokerClient({ url, token: readFileSync(ownerTokenFile, 'utf8').trim() }) };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

it('keeps every acknowledged submission over kill -9 under load, and their results', async () => {
  const dataDir = folder('broker');
  const first = await start(dataDir);
  const { client, fn, endpoint, agentToken } = await target(first.client);
  const agent = await RawAgent.join(first.url, agentToken, { credit: 3 });
  const args = await client.encodeArguments([]);
  const batch = Array.from({ length: 100 }, () => ({ function: { id: fn.id }, endpoint: endpoint.id, args }));
  const acknowledged: string[] = [];
  let failed = false;
  const submitting = (async () => {
    while (!failed) {
      await client.submit(batch).then(
        records => acknowledged.push(...records.map(({ id }) => id)),
        () => {
          failed = true;
        },
      );
    }
  })();
  const confirmed = (await agent.next('task')).header.task as string;
  const held = (await agent.next('task')).header.task as string;
  agent.send(...succeeded(confirmed, 1, '"kept"'));
  await agent.next('confirm', confirmed);
  await until('some batches are in', () => acknowledged.length >= 1000);
  await kill(first.child);
  await submitting;

  const second = await start(dataDir);
  const listed = new Map<string, string>();
  let cursor: string | undefined;
  do {
    const page = await second.client.listTasks({ limit: 500, ...(cursor ? { cursor } : {}) });
    for (const { id, state } of page.items) listed.set(id, state);
    cursor = page.next;
  } while (cursor);
  expect(acknowledged.filter(id => !listed.has(id))).toEqual([]);
  expect(listed.get(confirmed)).toBe('succeeded');
  expect(await second.client.decode((await second.client.taskResult(confirmed)).value!)).toBe('kept');
  expect(listed.get(held)).toBe('leased');

  // The agent comes back: the same attempts go on, and the lock of the killed broker was no obstacle.
  const back = await RawAgent.join(second.url, agentToken, { have: [[held, 1, 'started']] });
  back.send(...succeeded(held, 1));
  await back.next('confirm', held);
  expect((await second.client.getTask(held)).attempt).toBe(1);
  await kill(second.child);
});

it('ends in order on SIGTERM', async () => {
  const { child, client } = await start(folder('broker'));
  await client.whoAmI();
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await gone).toEqual([0, null]);
});
