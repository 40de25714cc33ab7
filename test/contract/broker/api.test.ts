// The REST API as the one client of the broker uses it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startBroker } from '../../../broker/index.ts';
import { digestOf, newId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { CODE, target, testBroker } from '../../support/broker.ts';
import { folder } from '../../support/folder.ts';
import { RawAgent, succeeded } from '../../support/raw-agent.ts';

describe('starting', () => {
  it("writes the owner's token once, for this user only, and takes it", async () => {
    const broker = await testBroker({ dataDir: join(folder(), 'made') });
    expect(statSync(broker.ownerTokenFile).mode & 0o777).toBe(0o600);
    expect(statSync(broker.dataDir).mode & 0o777).toBe(0o700);
    expect(broker.ownerToken).toMatch(/^rbo_[\w-]{49}$/);
    const who = await broker.client().whoAmI();
    expect(who.principal).toMatchObject({ kind: 'owner', name: 'owner' });
    await broker.close();
    const again = await testBroker({ dataDir: broker.dataDir });
    expect(again.ownerToken).toBe(broker.ownerToken);
    expect((await again.client().whoAmI()).principal.id).toBe(who.principal.id);
  });

  it('makes a new token when the file is gone, and the old one stops working', async () => {
    const broker = await testBroker();
    const { principal } = await broker.client().whoAmI();
    await broker.close();
    rmSync(broker.ownerTokenFile);
    const again = await testBroker({ dataDir: broker.dataDir });
    expect((await again.client().whoAmI()).principal.id).toBe(principal.id);
    await expect(again.client(broker.ownerToken).whoAmI()).rejects.toMatchObject({ code: 'token-invalid' });
  });

  it('serves a data folder alone', async () => {
    const broker = await testBroker();
    await expect(startBroker({ dataDir: broker.dataDir, logLevel: 'silent' })).rejects.toMatchObject({
      code: 'broker-running',
    });
    await broker.client().whoAmI();
    await broker.close();
    await testBroker({ dataDir: broker.dataDir });
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.org'])('refuses to listen on %s without TLS', async host => {
    const dataDir = join(folder(), 'not-made');
    await expect(startBroker({ dataDir, host, logLevel: 'silent' })).rejects.toMatchObject({
      code: 'broker-address',
      message: expect.stringContaining(host),
      hint: expect.stringContaining('certificate'),
    });
    expect(existsSync(dataDir)).toBe(false);
  });

  it('listens on another address when told that insecure is meant', async () => {
    const broker = await testBroker({ host: '0.0.0.0', allowInsecure: true });
    expect((await fetch(`http://127.0.0.1:${broker.port}/v1/whoami`)).status).toBe(401);
  });

  it('takes another port when its own is taken and that is allowed, and says which', async () => {
    const other = createServer();
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    await expect(startBroker({ dataDir: folder(), port, logLevel: 'silent' })).rejects.toMatchObject({
      code: 'broker-address',
      message: expect.stringContaining('EADDRINUSE'),
    });
    const broker = await testBroker({ port, portFallback: true });
    expect(broker.port).not.toBe(port);
    expect(broker.url).toBe(`http://127.0.0.1:${broker.port}`);
    await broker.client().whoAmI();
  });

  it('speaks TLS', async () => {
    const dir = folder('tls');
    const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
    execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
    const broker = await testBroker({ tls: { certFile, keyFile } });
    expect(broker.url).toMatch(/^https:/);
    const { request } = await import('node:https');
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${broker.ownerToken}` };
      request(`${broker.url}/v1/whoami`, { ca: readFileSync(certFile), headers }, response => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it('logs no token', async () => {
    const dataDir = folder();
    const logFile = join(dataDir, 'broker.log');
    const broker = await testBroker({ dataDir, logFile, logLevel: 'trace' });
    const at = await target(broker.client());
    await RawAgent.join(broker.url, at.agentToken);
    await fetch(`${broker.url}/v1/nothing?token=${broker.ownerToken}`, {
      headers: { authorization: `Bearer ${broker.ownerToken}` },
    });
    await broker.close();
    const log = readFileSync(logFile, 'utf8');
    expect(log).toContain('broker started');
    expect(log).toContain('agent connected');
    expect(log).toContain('route-not-found');
    expect(log).not.toContain(broker.ownerToken);
    expect(log).not.toContain(at.agentToken);
    expect(statSync(logFile).mode & 0o777).toBe(0o600);
  });
});

describe('users', () => {
  it('are made by the owner and see only their own', async () => {
    const broker = await testBroker();
    const owner = broker.client();
    const { user, token } = await owner.createUser('ann');
    expect(token).toMatch(/^rbu_/);
    const ann = broker.client(token);
    expect((await ann.whoAmI()).principal).toEqual(user);
    const mine = await target(owner);
    const hers = await target(ann);
    expect((await owner.listEndpoints()).items.map(({ id }) => id)).toEqual([mine.endpoint.id]);
    expect((await ann.listEndpoints()).items.map(({ id }) => id)).toEqual([hers.endpoint.id]);
    await expect(ann.getFunction(mine.fn.id)).rejects.toMatchObject({ code: 'not-found' });
    await expect(owner.createUser('ann')).rejects.toMatchObject({ code: 'name-taken' });
  });
});

describe('bundles and blobs', () => {
  it('are there for those who uploaded them', async () => {
    const broker = await testBroker();
    const client = broker.client();
    const bytes = Buffer.alloc(1_000_000, 'ab');
    const digest = await client.uploadBundle(bytes);
    expect(digest).toBe(digestOf(bytes));
    expect(await client.hasBundle(digest)).toBe(true);
    expect(Buffer.compare(await client.downloadBundle(digest), bytes)).toBe(0);
    const ann = broker.client((await client.createUser('ann')).token);
    expect(await ann.hasBundle(digest)).toBe(false);
    await expect(ann.downloadBundle(digest)).rejects.toMatchObject({ code: 'not-found' });
    await ann.uploadBundle(bytes);
    expect(await ann.hasBundle(digest)).toBe(true);
  });

  it('hold large arguments, uploaded or sent inline', async () => {
    const broker = await testBroker();
    const at = await target(broker.client());
    const text = JSON.stringify(['x'.repeat(limits.inlinePayload)]);
    const agent = await RawAgent.join(broker.url, at.agentToken, { credit: 2 });
    for (const args of [
      await at.client.encodeArguments(JSON.parse(text)),
      { type: 'application/json' as const, text },
    ]) {
      const { id } = await at.submit({ args });
      const { header } = await agent.next('task', id);
      expect(header.args).toEqual({ type: 'application/json', size: text.length, blob: digestOf(text) });
    }
    expect((await broker.client(at.agentToken).downloadBundle(digestOf(text))).length).toBe(text.length);
  });
});

describe('functions', () => {
  it('have versions, found by name and by words', async () => {
    const broker = await testBroker();
    const client = broker.client();
    const { fn } = await target(client);
    const next = await client.uploadBundle(Buffer.from('export default () => 2;\n'));
    const register = (digest: string) =>
      client.registerFunction({
        name: fn.name,
        digest,
        details: {
          kind: 'async',
          description: 'Counts sheep',
          parameters: { type: 'array' },
          source: { file: 'src/a.ts', line: 3 },
        },
      });
    expect(await register(next)).toMatchObject({ created: true, version: { version: 2, details: { kind: 'async' } } });
    expect(await register(next)).toMatchObject({ created: false, version: { version: 2 } });
    expect(await register(digestOf(CODE))).toMatchObject({ created: true, version: { version: 3 } });
    expect((await client.listVersions(fn.id)).items.map(({ version }) => version)).toEqual([3, 2, 1]);
    expect((await client.findFunction(fn.name))?.latest.version).toBe(3);
    expect((await client.listFunctions({ search: 'sheep' })).items).toHaveLength(1);
    expect((await client.listFunctions({ search: 'goats' })).items).toHaveLength(0);
    await client.deleteFunction(fn.id);
    await expect(client.getFunction(fn.id)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('tasks', () => {
  it('wait for their end without polling, and give up in time', async () => {
    const broker = await testBroker();
    const { client, agentToken, submit } = await target(broker.client());
    const { id } = await submit();
    const short = await fetch(`${broker.url}/v1/tasks/${id}/wait?ms=1`, {
      headers: { authorization: `Bearer ${broker.ownerToken}` },
    });
    expect(await short.json()).toMatchObject({ id, state: 'queued' });
    const ended = client.waitForTask(id);
    const agent = await RawAgent.join(broker.url, agentToken, { credit: 1 });
    await agent.next('task', id);
    agent.send(...succeeded(id, 1));
    expect((await ended).state).toBe('succeeded');
    expect((await client.waitForTask(id)).state).toBe('succeeded');
  });

  it('come back for the same idempotency key and content only', async () => {
    const broker = await testBroker();
    const { submit } = await target(broker.client());
    const first = await submit({ idempotencyKey: 'k' });
    expect((await submit({ idempotencyKey: 'k' })).id).toBe(first.id);
    await expect(submit({ idempotencyKey: 'k', priority: 1 })).rejects.toMatchObject({
      code: 'idempotency-conflict',
      path: 'tasks.0.idempotencyKey',
    });
    expect((await submit()).id).not.toBe(first.id);
  });

  it('are listed by state, function and endpoint, page by page', async () => {
    const broker = await testBroker();
    const { client, fn, endpoint, submit } = await target(broker.client());
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await submit()).id);
    const first = await client.listTasks({ limit: 3, endpoint: endpoint.id, function: fn.id });
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    const second = await client.listTasks({ limit: 3, cursor: first.next! });
    expect(second.items.map(({ id }) => id)).toEqual(ids.slice(3));
    expect(second.next).toBeUndefined();
    expect((await client.listTasks({ state: 'running' })).items).toEqual([]);
    expect((await client.listTasks({ state: 'queued', limit: 500 })).items).toHaveLength(5);
    expect(first.items[0]!.wait).toMatchObject({ reason: 'endpoint-new', text: 'Endpoint lab was never started.' });
  });

  it('take a full batch', async () => {
    const broker = await testBroker();
    const { client, fn, endpoint } = await target(broker.client());
    const args = await client.encodeArguments([1, 'two']);
    const batch = Array.from({ length: limits.batch }, () => ({
      function: { id: fn.id },
      endpoint: endpoint.id,
      args,
    }));
    const records = await client.submit(batch);
    expect(new Set(records.map(({ id }) => id)).size).toBe(limits.batch);
    expect((await client.endpointStatus(endpoint.id)).queued).toBe(limits.batch);
  });

  it('refuse to be cancelled once they have ended', async () => {
    const broker = await testBroker();
    const { client, agentToken, submit } = await target(broker.client());
    const { id } = await submit();
    const agent = await RawAgent.join(broker.url, agentToken, { credit: 1 });
    await agent.next('task', id);
    agent.send(...succeeded(id, 1));
    await agent.next('confirm', id);
    await expect(client.cancelTask(id)).rejects.toMatchObject({ code: 'task-ended' });
    await expect(client.cancelTask(newId())).rejects.toMatchObject({ code: 'not-found' });
  });

  it('stop waiting when the broker stops', async () => {
    const broker = await testBroker();
    const { submit } = await target(broker.client());
    const { id } = await submit();
    const waiting = fetch(`${broker.url}/v1/tasks/${id}/wait?ms=60000`, {
      headers: { authorization: `Bearer ${broker.ownerToken}` },
    });
    const other = await fetch(`${broker.url}/v1/tasks/${id}/wait?ms=1`, {
      headers: { authorization: `Bearer ${broker.ownerToken}` },
    });
    expect(other.status).toBe(200);
    await broker.close();
    expect(await (await waiting).json()).toMatchObject({ id, state: 'queued' });
  });
});
