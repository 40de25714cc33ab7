/** Who may connect as a manager, and what becomes of those who may not. */
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { ManagerListener } from '../../../agent/managers/listener.ts';
import type { ManagerLink } from '../../../agent/managers/manager-link.ts';
import { AgentToManager, PROTO, Rendezvous } from '../../../protocol/agent-manager/messages.ts';
import { decodeFrame, encodeMessage } from '../../../protocol/frames.ts';
import { newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const settings = { environment: {}, tasksPerWorker: 1, graceMs: 0, outputBytes: 0, cacheBytes: 0 };

async function listener() {
  const file = join(folder('listener'), 'managers.json');
  const attached: string[] = [];
  const links: ManagerLink[] = [];
  const opened = await ManagerListener.open(file, pino({ level: 'silent' }), {
    welcome: () => ({ endpoint: 'lab', beatMs: 1000, orphanMs: 1000, settings }),
    attached: link => {
      attached.push(link.id);
      links.push(link);
    },
    take: () => {},
    detached: () => {},
  });
  onTestFinished(() => opened.close());
  const { url, token } = Rendezvous.parse(JSON.parse(readFileSync(file, 'utf8')));
  const address = `${url.replace('http', 'ws')}/v1/manager`;
  const open = (headers: Record<string, string> = { authorization: `Bearer ${token}` }) =>
    new WebSocket(address, { headers });
  /** Says hello, and gives the id under which. */
  const attach = async () => {
    const manager = newId();
    const socket = open();
    onTestFinished(() => socket.terminate());
    socket.on('open', () => socket.send(hello({ manager })));
    await until('it is attached', () => attached.includes(manager));
    return socket;
  };
  return { file, url, open, attach, attached, links };
}

function hello(more: object = {}, payload = '[]') {
  const header = { t: 'hello', proto: PROTO, manager: newId(), host: 'h', pid: 1, slots: 1, ...more };
  return encodeMessage(header, Buffer.from(payload));
}

const closeOf = (socket: WebSocket) => new Promise<number>(resolve => socket.once('close', resolve));
const reasonOf = (socket: WebSocket) =>
  new Promise<string>(resolve => socket.once('close', (code, reason) => resolve(`${code} ${reason}`)));

const attempt = { task: newId(), attempt: 1 };
const times = { loadMs: 0, runMs: 0 };
/** What an agent must not take into its journal: the broker would refuse it again and again. */
const notWhole: [string, object, string][] = [
  ['a success without a value', { outcome: 'succeeded' }, ''],
  ['a failure without an error', { outcome: 'failed' }, ''],
  ['a value shorter than it says', { outcome: 'succeeded', value: { type: 'application/json', size: 9 } }, '1'],
];

test('only who has the token gets in, and only this user can read it', async () => {
  const { file, open, attach } = await listener();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'x' }] as Record<string, string>[]) {
    const socket = open(headers);
    const refused = await new Promise<Error>(resolve => socket.once('error', resolve));
    expect(refused.message).toBe('Unexpected server response: 401');
  }
  await attach();
});

const wrong: [name: string, frame: Uint8Array | string][] = [
  ['no frame', 'text'],
  ['a message that is no hello', encodeMessage({ t: 'beat', n: 1 } as { t: string })],
  ['another version', hello({ proto: 99 })],
  ['no workers', hello({ slots: 0 })],
  ['a payload that is no list', hello({}, '{}')],
  ['a cut frame', hello().subarray(0, 10)],
  ['an empty frame', new Uint8Array(0)],
];

test.for(wrong)('%s instead of hello: 4008', async ([, frame]) => {
  const { open, attach, attached } = await listener();
  const socket = open();
  socket.on('open', () => socket.send(frame));
  expect(await closeOf(socket)).toBe(4008);
  expect(attached).toEqual([]);
  await attach();
});

test('nonsense after hello: 4008, and others go on', async () => {
  const { attach } = await listener();
  const other = await attach();
  const socket = await attach();
  socket.send(encodeMessage({ t: 'surprise' }));
  expect(await closeOf(socket)).toBe(4008);
  expect(other.readyState).toBe(other.OPEN);
});

test.for(notWhole)('%s: 4008 with the reason', async ([, more, payload]) => {
  const { attach } = await listener();
  const socket = await attach();
  socket.send(encodeMessage({ t: 'result', ...attempt, ...times, ...more } as { t: string }, Buffer.from(payload)));
  expect(await reasonOf(socket)).toBe('4008 request-invalid: A result is not whole.');
});

test('a second hello: 4008', async () => {
  const { attach } = await listener();
  const socket = await attach();
  socket.send(hello());
  expect(await reasonOf(socket)).toBe('4008 request-invalid: hello comes once.');
});

test('other addresses, and sockets that break off, disturb nobody', async () => {
  const { url, attach } = await listener();
  expect((await fetch(url)).status).toBe(404);
  const { port, hostname } = new URL(url);
  const raw = connect(Number(port), hostname);
  await new Promise(resolve => raw.once('connect', resolve));
  raw.write('GET /v1/manager HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  raw.resetAndDestroy();
  await attach();
});

test('the endings of very many tasks are kept in messages that a manager takes', async () => {
  const { attach, links } = await listener();
  const socket = await attach();
  const kept: string[] = [];
  socket.on('message', (data: Buffer) => {
    for (const { header } of decodeFrame(data)) {
      const message = AgentToManager.parse(header);
      if (message.t === 'kept') kept.push(...message.tasks.map(([task]) => task));
    }
  });
  const tasks = Array.from({ length: 10_000 }, () => newId());
  for (const task of tasks) links[0]!.keep(task, 1);
  await until('all are kept', () => kept.length === tasks.length);
  expect(kept).toEqual(tasks);
});
