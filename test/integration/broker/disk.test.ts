// A disk that takes nothing: clear answers, nothing acknowledged that is not there, and on it goes when there is room.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildShim, Shim } from '../../faults/shim.ts';
import { target } from '../../support/broker.ts';
import { folder } from '../../support/folder.ts';
import { RawAgent, succeeded } from '../../support/raw-agent.ts';
import { startProcess } from './support.ts';

it.for([
  ['full', 'write', 'ENOSPC', 'its disk is full'],
  ['broken', 'sync', 'EIO', 'its disk fails'],
] as const)(
  'answers 503 while its disk is %s, acknowledges nothing, and recovers',
  async ([_what, call, error, why], { skip }) => {
    const library = buildShim(folder('shim'));
    if (!library) return skip('There is no C compiler to build the shim with.');
    const dataDir = folder('broker');
    const shim = new Shim(library, join(folder('control'), 'control'), dataDir);
    const logFile = join(dataDir, 'broker.log');
    const { child, client, ended } = await startProcess(dataDir, {
      args: ['--log-file', logFile],
      env: shim.environment,
    });
    const { submit, agentToken, endpoint } = await target(client);
    const before = await submit();
    const agent = await RawAgent.join(client.connection.url, agentToken, { credit: 1 });
    await agent.next('task', before.id);

    shim.disk(call, error);
    const refused = {
      code: 'broker-storage',
      status: 503,
      message: expect.stringContaining(why),
      hint: expect.any(String),
    };
    for (let i = 0; i < 3; i++) await expect(submit()).rejects.toMatchObject(refused);
    await expect(client.cancelTask(before.id)).rejects.toMatchObject(refused);
    await expect(client.uploadBundle(Buffer.from('another'))).rejects.toMatchObject(refused);
    // Reading goes on, also beside what fails.
    const [read, written] = await Promise.allSettled([client.getTask(before.id), submit()]);
    expect(read).toMatchObject({ status: 'fulfilled', value: { id: before.id } });
    expect(written).toMatchObject({ status: 'rejected', reason: { code: 'broker-storage' } });
    // A result that cannot be stored is not confirmed: the agent keeps it, and comes back.
    agent.send(...succeeded(before.id, 1));
    expect(await agent.closing()).toMatchObject({ code: 1011, reason: 'broker-storage' });
    expect(agent.received.filter(({ header }) => header.t === 'confirm')).toEqual([]);

    shim.disk(call, undefined);
    const after = await submit();
    const again = await RawAgent.join(client.connection.url, agentToken, { have: [[before.id, 1, 'ended']] });
    again.send(...succeeded(before.id, 1));
    await again.next('confirm', before.id);
    await client.uploadBundle(Buffer.from('another'));
    const { items } = await client.listTasks();
    expect(items.map(({ id, state }) => [id, state])).toEqual([
      [after.id, 'queued'],
      [before.id, 'succeeded'],
    ]);
    expect((await client.getEndpoint(endpoint.id)).status.queued).toBe(1);
    expect(readdirSync(join(dataDir, 'blobs', 'incoming'))).toEqual([]);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    shim.close();
  },
);
