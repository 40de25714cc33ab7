/** Endpoints as their owners meet them: created, started, stopped, looked at, with real agents and a real broker. */
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  listEndpoints,
  readLogs,
  removeEndpoint,
  renewEndpoint,
  restartEndpoint,
  startEndpoint,
  stopEndpoint,
  writeEndpoint,
} from '../../../agent/index.ts';
import { identify } from '../../../agent/processes.ts';
import { newId } from '../../../protocol/ids.ts';
import { testBroker } from '../../support/broker.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { isAlive, TestEndpoint } from './support/endpoint.ts';

const WAIT_FOR_EVER = 'export default () => new Promise(() => setInterval(() => {}, 1000))';

const UNTIL_FLAG = `
  import { existsSync } from 'node:fs';
  export default async flag => {
    while (!existsSync(flag)) await new Promise(resolve => setTimeout(resolve, 20));
    return 'done';
  };
`;

test('created, started, looked at, stopped, removed', async () => {
  const { client, ownerToken } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  expect(listEndpoints(endpoint.home)).toEqual(['lab']);
  expect(statSync(endpoint.paths.token).mode & 0o777).toBe(0o600);
  expect(endpoint.state).toEqual({ state: 'stopped' });

  const report = await endpoint.start();
  expect(report).toEqual({ pid: endpoint.pid, connected: true });
  await until('its workers are ready', () => endpoint.state.workers?.starting === 0);
  expect(endpoint.state).toMatchObject({ state: 'running', pid: report.pid, connected: true, workers: { total: 1 } });
  expect(() => removeEndpoint(endpoint.ref)).toThrow('The endpoint lab is running.');
  const manager = endpoint.managerPid;

  // The token is in its file only.
  const token = readFileSync(endpoint.paths.token, 'utf8').trim();
  for (const pid of [report.pid, manager]) {
    for (const file of ['cmdline', 'environ']) {
      const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
      expect(text.includes(token) || text.includes(ownerToken)).toBe(false);
    }
  }
  expect(endpoint.log()).not.toContain(token);

  await endpoint.stop();
  expect(endpoint.state).toMatchObject({ state: 'stopped' });
  expect(endpoint.state.problem).toBeUndefined();
  expect(isAlive(report.pid) || isAlive(manager)).toBe(false);
  expect((await client().endpointStatus(endpoint.record.id)).state).toBe('offline');
  await expect(endpoint.stop()).rejects.toMatchObject({ code: 'endpoint-not-running' });

  const lines: string[] = [];
  for await (const line of readLogs({ ...endpoint.ref, lines: 1 })) lines.push(line);
  expect(lines).toEqual([expect.stringMatching(/^\d{4}-.* info {2}agent: The agent has ended\. state="stopped"$/)]);

  removeEndpoint(endpoint.ref);
  expect(existsSync(endpoint.paths.folder)).toBe(false);
  expect(() => endpoint.state).toThrow('There is no endpoint lab on this machine.');
});

test('logs are followed', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  const stop = new AbortController();
  const lines: string[] = [];
  const following = (async () => {
    for await (const line of readLogs({ ...endpoint.ref, lines: 10, follow: true, signal: stop.signal }))
      lines.push(line);
  })();
  await endpoint.start();
  await until('the connection is in the log', () =>
    lines.some(line => line.includes('agent: Connected to the broker.')),
  );
  stop.abort();
  await following;
});

test('starting twice is refused, restarting is not', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  const { pid } = await endpoint.start();
  await expect(endpoint.start()).rejects.toMatchObject({
    code: 'endpoint-running',
    message: `The endpoint lab is running already, as process ${pid}.`,
  });
  appendFileSync(endpoint.paths.config, 'WORKERS=none\n');
  await expect(restartEndpoint(endpoint.ref)).rejects.toMatchObject({ code: 'endpoint-config' });
  expect(endpoint.state).toMatchObject({ state: 'running', pid });
  appendFileSync(endpoint.paths.config, 'WORKERS=1\n');
  const again = await restartEndpoint(endpoint.ref);
  expect(again.connected).toBe(true);
  expect(again.pid).not.toBe(pid);
  expect((await endpoint.call('export default () => 1')).value).toBe(1);
});

test('two starts at once: one agent', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  const starts = await Promise.allSettled([endpoint.start(), endpoint.start()]);
  expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const refused = starts.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
  expect(refused.reason).toMatchObject({ code: 'endpoint-running' });
  expect(endpoint.state.connected).toBe(true);
});

test('the lock of a crashed agent is no obstacle, nor is another process with its number', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  const { pid } = await endpoint.start();
  process.kill(pid, 'SIGKILL');
  await until('the agent is gone', () => !isAlive(pid));
  expect(endpoint.state).toMatchObject({ state: 'stale', problem: expect.stringContaining('without a goodbye') });
  // This process runs, but it did not start when the agent did.
  writeFileSync(endpoint.paths.lock, JSON.stringify({ pid: process.pid, startedAt: '1' }));
  expect(endpoint.state.state).toBe('stale');
  expect((await endpoint.start()).connected).toBe(true);
  // And one that is the very process keeps it.
  await endpoint.stop();
  writeFileSync(endpoint.paths.lock, JSON.stringify(identify(process.pid)));
  await expect(endpoint.start()).rejects.toMatchObject({ code: 'endpoint-running' });
  rmSync(endpoint.paths.lock);
});

test('a broker that is not up yet: said, and waited for', async () => {
  const dataDir = folder('broker');
  const first = await testBroker({ dataDir });
  const endpoint = await TestEndpoint.create(first.client());
  await first.close();
  const report = await endpoint.start();
  expect(report).toMatchObject({
    connected: false,
    problem: `The broker at ${first.url} cannot be reached: ECONNREFUSED. The agent keeps trying.`,
  });
  expect(endpoint.state).toMatchObject({ state: 'running', connected: false });
  await testBroker({ dataDir, port: first.port });
  await until('it has connected', () => endpoint.state.connected);
});

test('a revoked token stops the agent, at once while it is connected and at the next start', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  const { pid } = await endpoint.start();
  await client().renewEndpointToken(endpoint.record.id);
  await until('the agent has ended', () => !isAlive(pid));
  const problem = 'The broker revoked the token of this endpoint, or the endpoint was deleted.';
  expect(endpoint.state).toMatchObject({ state: 'stopped', problem });
  await expect(endpoint.start()).rejects.toMatchObject({
    code: 'token-invalid',
    message: expect.stringContaining('does not accept the token of this endpoint'),
  });
  await until('the second has ended too', () => endpoint.state.state === 'stopped');
});

test('a renewed token is taken up by the agent that runs, and what it runs goes on', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  const { pid } = await endpoint.start();
  const flag = join(folder('flag'), 'done');
  const task = await endpoint.submit(UNTIL_FLAG, [flag]);
  await endpoint.running(task.id);
  const old = readFileSync(endpoint.paths.token, 'utf8').trim();
  const { token } = await client().renewEndpointToken(endpoint.record.id);
  // The agent hears of the refusal before its file has the new token.
  await until('the agent is refused', () => !endpoint.state.connected);
  renewEndpoint({ ...endpoint.ref, token });
  await until('it has connected again', () => endpoint.state.connected);
  expect(endpoint.pid).toBe(pid);
  expect(readFileSync(endpoint.paths.token, 'utf8').trim()).toBe(token);
  expect(statSync(endpoint.paths.token).mode & 0o777).toBe(0o600);
  expect(readdirSync(endpoint.paths.folder).filter(name => name.startsWith('token'))).toEqual(['token']);
  await expect(client(old).whoAmI()).rejects.toMatchObject({ code: 'token-invalid' });
  writeFileSync(flag, '');
  expect(await endpoint.end(task.id)).toMatchObject({ value: 'done', task: { state: 'succeeded', attempt: 1 } });
});

test('a second agent of one endpoint takes over, and the first one stops', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client());
  const { pid } = await endpoint.start();
  const other = { home: folder('home'), name: 'lab' };
  const token = readFileSync(endpoint.paths.token, 'utf8').trim();
  writeEndpoint({ ...other, id: endpoint.record.id, url: client().connection.url, token });
  expect((await startEndpoint(other)).connected).toBe(true);
  onTestFinished(() => stopEndpoint(other));
  await until('the first has ended', () => !isAlive(pid));
  expect(endpoint.state.problem).toBe('Another agent serves this endpoint now; this one has stopped.');
});

test('a mistake in the configuration is told with its line, before anything is started', async () => {
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(client(), 'WORKERS=many\n');
  const line = readFileSync(endpoint.paths.config, 'utf8').split('\n').length - 1;
  await expect(endpoint.start()).rejects.toMatchObject({
    code: 'endpoint-config',
    message: expect.stringContaining(`endpoint.conf, line ${line}: WORKERS is not valid`),
  });
  expect(existsSync(endpoint.paths.state)).toBe(false);
});

test('stopping lets a task finish, or gives it back when the drain time is over', async () => {
  const { client } = await testBroker({ retryFirstMs: 10 });
  const endpoint = await TestEndpoint.create(client(), 'WORKERS=2\nGRACE_SECONDS=1\nDRAIN_SECONDS=2\n');
  await endpoint.start();
  const short = await endpoint.submit('export default () => new Promise(r => setTimeout(r, 1000, "finished"))');
  const long = await endpoint.submit(WAIT_FOR_EVER);
  await endpoint.running(short.id);
  await endpoint.running(long.id);
  await endpoint.stop();
  expect(await endpoint.end(short.id)).toMatchObject({ value: 'finished' });
  expect(await client().getTask(long.id)).toMatchObject({ state: 'queued', attempt: 1 });
});

test('a manager whose agent stays away ends, and its workers with it', async () => {
  const { client } = await testBroker({ leaseMs: 1_500 });
  const endpoint = await TestEndpoint.create(client());
  await endpoint.start();
  const { id } = await endpoint.submit('export default () => { console.log(process.pid); for (;;); }');
  const worker = await until(
    'it has begun',
    async () => Number((await client().taskOutput(id)).chunks[0]?.text) || false,
  );
  const { pid, managerPid } = endpoint;
  process.kill(pid, 'SIGKILL');
  await until('manager and worker are gone', () => !isAlive(managerPid) && !isAlive(worker));
});

test('a manager that stops answering is ended, and its task runs on another', async () => {
  const { client } = await testBroker({ retryFirstMs: 10 });
  const endpoint = await TestEndpoint.create(client());
  await endpoint.start();
  const { id } = await endpoint.submit(
    'export default () => process.env.RUNABOUT_ATTEMPT === "2" ? "second" : new Promise(() => setInterval(() => {}, 1000))',
  );
  await endpoint.running(id);
  const { managerPid } = endpoint;
  process.kill(managerPid, 'SIGSTOP');
  expect(await endpoint.end(id)).toMatchObject({ value: 'second', task: { attempt: 2 } });
  expect(isAlive(managerPid)).toBe(false);
});

test("granted variables reach functions, the agent's own do not", async () => {
  process.env.RUNABOUT_TEST_SECRET = 'hidden';
  process.env.RUNABOUT_TEST_SHARED = 'shared';
  onTestFinished(() => {
    delete process.env.RUNABOUT_TEST_SECRET;
    delete process.env.RUNABOUT_TEST_SHARED;
  });
  const { client } = await testBroker();
  const endpoint = await TestEndpoint.create(
    client(),
    'WORKERS=1\nPASS_ENV=RUNABOUT_TEST_SHARED\nSET_ENV_GREETING="hello there"\n',
  );
  await endpoint.start();
  const { value } = await endpoint.call('export default () => ({ ...process.env })');
  expect(value).toMatchObject({ RUNABOUT_TEST_SHARED: 'shared', GREETING: 'hello there', RUNABOUT_ENDPOINT: 'lab' });
  expect(value).not.toHaveProperty('RUNABOUT_TEST_SECRET');
});

test('an address that is no broker: said, and not hammered', async () => {
  const server = createServer(socket => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const ref = { home: folder('home'), name: 'lab' };
  const url = `http://127.0.0.1:${port}`;
  const file = writeEndpoint({ ...ref, id: newId(), url, token: 'rba_x' });
  appendFileSync(file, 'WORKERS=1\n');
  const report = await startEndpoint(ref);
  expect(report).toMatchObject({
    connected: false,
    problem: `The broker at ${url} answered with status 404. The agent keeps trying.`,
  });
  await stopEndpoint(ref);
});
