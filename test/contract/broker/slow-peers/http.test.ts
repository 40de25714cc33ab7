// Peers that are slow, or too many, over plain HTTP: each meets a limit with its own answer, and nobody else is harmed.
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { Problem } from '../../../../protocol/errors/error.ts';
import { until } from '../../../support/until.ts';
import { bearer, Line, openSocket, othersAreWell, setUp, world } from './world.ts';

const MiB = 1024 * 1024;
setUp({
  headersMs: 1_000,
  requestMs: 2_000,
  strangers: 50,
  connections: 40,
  streams: 3,
  pipelined: 8,
  bodyBytes: 2 * MiB,
});

const token = () => bearer(world.malloryToken);

describe('slow', () => {
  it.each<[string, () => string]>([
    ['headers, a byte at a time: 408', () => `GET /v1/whoami HTTP/1.1\r\n${token()}\r\nx: ${'y'.repeat(1_000)}`],
    [
      'the offer of a WebSocket, a byte at a time: 408',
      () =>
        `GET /v1/events HTTP/1.1\r\n${token()}\r\nupgrade: websocket\r\nconnection: upgrade\r\nx: ${'y'.repeat(999)}`,
    ],
    ['a connection that says nothing: 408', () => ''],
  ])('%s', async (_what, text) => {
    const line = await Line.open();
    line.trickle(text());
    expect(await line.refused()).toEqual([408, 'request-timeout']);
    await othersAreWell();
  });

  it('a body, a byte at a time: 408', async () => {
    const line = await Line.open();
    const head = [
      'POST /v1/tasks HTTP/1.1',
      'host: x',
      token(),
      'content-type: application/json',
      'content-length: 900',
    ];
    line.socket.write(`${head.join('\r\n')}\r\n\r\n`);
    line.trickle('{'.repeat(900));
    expect(await line.refused()).toEqual([408, 'request-timeout']);
    await othersAreWell();
  });

  it('an upload, a byte at a time: 408, and nothing of it stays', async () => {
    const line = await Line.open();
    const path = `/v1/blobs/${'0'.repeat(64)}`;
    const head = [
      `PUT ${path} HTTP/1.1`,
      'host: x',
      token(),
      'content-type: application/octet-stream',
      'content-length: 900',
    ];
    line.socket.write(`${head.join('\r\n')}\r\n\r\n`);
    line.trickle('x'.repeat(900));
    expect(await line.refused()).toEqual([408, 'request-timeout']);
    const response = await fetch(world.url + path, { headers: { authorization: `Bearer ${world.malloryToken}` } });
    expect(response.status).toBe(404);
    await othersAreWell();
  });
});

describe('too large', () => {
  it('a body that claims 1 GB: 413 before a byte of it', async () => {
    const line = await Line.open();
    const head = [
      'POST /v1/tasks HTTP/1.1',
      'host: x',
      token(),
      'content-type: application/json',
      'content-length: 1073741824',
    ];
    line.socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await until('there is an answer', () => line.text.includes('}'));
    expect(line.text).toMatch(/^HTTP\/1.1 413 /);
    expect(line.text).toContain('"code":"body-too-large"');
    await othersAreWell();
  });

  it('headers over 16 KiB: 431', async () => {
    const line = await Line.open();
    line.socket.write(`GET /v1/whoami HTTP/1.1\r\n${token()}\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
    expect(await line.refused()).toEqual([431, 'headers-too-large']);
    await othersAreWell();
  });

  it('a long address: its refusal does not repeat it all', async () => {
    const response = await fetch(`${world.url}/v1/${'x'.repeat(8_000)}`, {
      headers: { authorization: `Bearer ${world.malloryToken}` },
    });
    const { code, detail } = Problem.parse(await response.json());
    expect([response.status, code, detail.length]).toEqual([404, 'route-not-found', 1_000]);
  });
});

describe('no WebSocket', () => {
  it('an offer without its key: 400 as a problem', async () => {
    const line = await Line.open();
    line.socket.write(
      `GET /v1/events HTTP/1.1\r\nhost: x\r\n${token()}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
    );
    expect(await line.refused()).toEqual([400, 'request-invalid']);
    expect(line.text).toContain('application/problem+json');
  });

  it('an offer to speak HTTP/2 is passed over', async () => {
    const line = await Line.open();
    line.socket.write(
      `GET /v1/whoami HTTP/1.1\r\nhost: x\r\n${token()}\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n`,
    );
    await until('there is an answer', () => line.text.includes('}'));
    expect(line.text).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe('too many', () => {
  it('connections without a token: the oldest make room, and one with a token is served', async () => {
    const lines: Line[] = [];
    for (let i = 0; i < 400; i++) lines.push(await Line.open());
    await until('there is room', () => lines.filter(({ closed }) => !closed).length <= 50);
    const whoami = await fetch(`${world.url}/v1/whoami`, {
      headers: { authorization: `Bearer ${world.malloryToken}` },
    });
    expect(whoami.status).toBe(200);
    await othersAreWell();
  });

  it('event streams of one: 429, until one of them is closed', async () => {
    const peers = [await openSocket('/v1/events'), await openSocket('/v1/events'), await openSocket('/v1/events')];
    expect(await refusal()).toEqual([429, 'too-many-requests']);
    peers[0]!.socket.terminate();
    await until('there is room again', async () => (await refusal()) === undefined);
    await othersAreWell();
  });

  it('connections of one: 429 for the next, and the others of it work on', async () => {
    const lines: Line[] = [];
    const ask = `GET /v1/whoami HTTP/1.1\r\nhost: x\r\n${token()}\r\n\r\n`;
    for (let i = 0; i < 41; i++) {
      const line = await Line.open();
      lines.push(line);
      line.socket.write(ask);
      await until('there is an answer', () => line.text.includes('}'), { everyMs: 1 });
    }
    const statuses = () => lines.map(({ text }) => Number(text.slice(9, 12)));
    expect(statuses()).toContain(429);
    expect(statuses()[0]).toBe(200);
    lines[0]!.text = '';
    lines[0]!.socket.write(ask);
    await until('there is another answer', () => lines[0]!.text.startsWith('HTTP/1.1 200'));
    await othersAreWell();
  });

  it('requests on one connection that wait for their answers: 429', async () => {
    const line = await Line.open();
    const wait = `GET /v1/tasks/${world.names.task}/wait?ms=1000 HTTP/1.1\r\nhost: x\r\n${token()}\r\n\r\n`;
    line.socket.write(wait.repeat(9));
    await until('all are answered', () => (line.text.match(/HTTP\/1.1/g) ?? []).length === 9);
    expect(line.text.match(/HTTP\/1.1 \d+/g)!.map(status => status.slice(9))).toEqual([...Array(8).fill('200'), '429']);
    await othersAreWell();
  });

  it('bodies of one at once: 429 for the next', async () => {
    const head = (length: number) =>
      `POST /v1/tasks HTTP/1.1\r\nhost: x\r\n${token()}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
    const first = await Line.open();
    first.socket.write(`${head(1.5 * MiB)}{`);
    const second = await Line.open();
    await until('the second is refused', () => {
      if (second.text === '') second.socket.write(head(MiB));
      return second.text.includes('}');
    });
    expect(second.text).toMatch(/^HTTP\/1.1 429 /);
    expect(await first.refused()).toEqual([408, 'request-timeout']);
    await othersAreWell();
  });
});

/** Status and code with which an event stream is refused; `undefined` when it is not. */
async function refusal(): Promise<[number, string] | undefined> {
  const socket = new WebSocket(`${world.url.replace('http', 'ws')}/v1/events`, {
    headers: { authorization: `Bearer ${world.malloryToken}` },
  });
  onTestFinished(() => socket.terminate());
  return await new Promise(resolve => {
    socket.on('open', () => resolve(undefined));
    socket.on('error', () => {});
    socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', data => {
        text += data;
      });
      response.on('end', () => resolve([response.statusCode!, (JSON.parse(text) as Problem).code]));
    });
  });
}
