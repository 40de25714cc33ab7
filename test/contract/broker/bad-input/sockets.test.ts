// Every kind of bad upgrade, frame and message with its exact close; the broker serves on after each.
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { newToken } from '../../../../broker/tokens.ts';
import { newId } from '../../../../protocol/ids.ts';
import { limits } from '../../../../protocol/limits.ts';
import { ended, HOST, RawAgent, succeeded, WORKERS } from '../../../support/raw-agent.ts';
import { zero } from './cases.ts';
import { at, bearer, broker, client, myTask, owner, refused, setUp, stillServes, theirs } from './world.ts';

setUp();

describe('upgrades', () => {
  it.each<[string, string, () => Record<string, string>, number, string]>([
    ['no token', '/v1/events', () => ({}), 401, 'token-missing'],
    ['a token in the address', '/v1/events?token=', () => ({}), 401, 'token-missing'],
    ['an unknown token', '/v1/agent', () => bearer(newToken('agent')), 401, 'token-invalid'],
    ["an agent's token for events", '/v1/events', () => bearer(at.agentToken), 403, 'token-kind'],
    ["a user's token for an agent's socket", '/v1/agent', () => bearer(owner), 403, 'token-kind'],
    [
      "another site's page",
      '/v1/events',
      () => ({ ...bearer(owner), origin: 'https://evil.example' }),
      403,
      'not-allowed',
    ],
    ['no such socket', '/v1/tasks', () => bearer(owner), 404, 'route-not-found'],
  ])('%s', async (_what, path, headers, status, code) => {
    const full = path.endsWith('=') ? path + owner : path;
    expect(await refused(broker.url + full, headers())).toEqual([status, code]);
    await stillServes();
  });
});

/** How an events socket closes after what `say` sent. */
async function eventsClose(say: (socket: WebSocket) => void): Promise<{ code: number; reason: string }> {
  const socket = new WebSocket(`${broker.url.replace('http', 'ws')}/v1/events`, { headers: bearer(owner) });
  onTestFinished(() => socket.terminate());
  socket.on('open', () => say(socket));
  socket.on('error', () => {});
  return await new Promise(resolve => socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })));
}

/** The frame of a failure whose error has so many causes, each of the one before. As text: it may be too deep for JSON. */
function caused(causes: number): Buffer {
  const error = `${'{"code":"function-threw","message":"x","cause":'.repeat(causes)}null${'}'.repeat(causes)}`;
  const header = JSON.stringify({ ...ended(newId(), 1, 'failed'), error: 0 })
    .replace('"error":0', `"error":${error}`)
    .replace(',"cause":null', '');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, Buffer.from(header)]);
}

const twice = (action: () => void) => {
  action();
  action();
};

const DEEP = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

/** It is written by hand: nothing can make a text of such a value. */
function nestedReason(): Buffer {
  const head = `"task":"${newId()}","attempt":1,"workerDied":true`;
  const header = Buffer.from(`{"t":"lost",${head},"reason":{"length":${DEEP}}}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header]);
}

describe('on the event stream', () => {
  it.each<[string, (socket: WebSocket) => void, number, string]>([
    ['malformed JSON', s => s.send('{'), 4008, 'json-invalid'],
    [
      'JSON that is nested deeper than any stack',
      s => s.send(`{"t":"sub","from":{"length":${DEEP}}}`),
      4008,
      'json-invalid',
    ],
    ['a binary frame', s => s.send(Buffer.from('{"t":"sub"}')), 4008, 'frame-invalid'],
    ['an unknown message type', s => s.send('{"t":"publish"}'), 4008, 'request-invalid'],
    ['a field that does not exist', s => s.send('{"t":"sub","since":1}'), 4008, 'request-invalid'],
    ['a wrong type', s => s.send('{"t":"sub","from":"start"}'), 4008, 'request-invalid'],
    ['a second message', s => twice(() => s.send('{"t":"sub"}')), 4008, 'request-invalid'],
    ['a socket that never speaks', () => {}, 4008, 'request-invalid'],
    ['an oversize frame', s => s.send('x'.repeat(65 * 1024)), 1009, ''],
  ])('%s', async (_what, say, code, reason) => {
    const closed = await eventsClose(say);
    expect([closed.code, closed.reason.split(':')[0]]).toEqual([code, reason]);
    await stillServes();
  });
});

describe("on an agent's socket", () => {
  const hello = (agent: RawAgent, more: object = {}) => agent.hello(more);

  it.each<[string, (agent: RawAgent) => void, number, string]>([
    ['a text frame', a => a.socket.send('hello'), 4008, 'frame-invalid'],
    ['bytes that are no frame', a => a.socket.send(Buffer.from([0, 0, 0, 9, 1])), 4008, 'frame-invalid'],
    [
      'a header that is not JSON',
      a => a.socket.send(Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from('{{')])),
      4008,
      'frame-invalid',
    ],
    ['a header over its cap', a => a.socket.send(Buffer.from([255, 255, 255, 255])), 4008, 'frame-invalid'],
    ['another version of the protocol', a => hello(a, { proto: 99 }), 4008, 'proto-unsupported'],
    ['hello without its fields', a => a.send({ t: 'hello', proto: 1 }), 4008, 'request-invalid'],
    [
      'a journal that is not JSON',
      a => a.send({ t: 'hello', proto: 1, session: a.session, host: HOST, workers: WORKERS }, Buffer.from('[[')),
      4008,
      'json-invalid',
    ],
    ['a journal of wrong types', a => hello(a, { have: [['x', 0, 'asleep']] }), 4008, 'request-invalid'],
    ['something before hello', a => a.send({ t: 'credit', add: 1 }), 4008, 'request-invalid'],
    ['a socket that never speaks', () => {}, 4008, 'request-invalid'],
  ])('before welcome: %s', async (_what, say, code, reason) => {
    const agent = await RawAgent.connect(broker.url, at.agentToken);
    say(agent);
    const closed = await agent.closing();
    expect([closed.code, closed.reason.split(':')[0]]).toEqual([code, reason]);
    await stillServes();
  });

  it.each<[string, (agent: RawAgent) => void, number, string]>([
    ['an unknown message type', a => a.send({ t: 'reboot' }), 4008, 'message-unknown'],
    ['a second hello', a => hello(a), 4008, 'request-invalid'],
    ['a field missing', a => a.send({ t: 'beat' }), 4008, 'request-invalid'],
    ['no credit', a => a.send({ t: 'credit', add: 0 }), 4008, 'request-invalid'],
    ['an id that is none', a => a.send({ t: 'accept', task: 'x', attempt: 1 }), 4008, 'request-invalid'],
    [
      'a success without a value',
      a => a.send({ ...ended(newId(), 1, 'failed'), outcome: 'succeeded' }),
      4008,
      'request-invalid',
    ],
    ['a failure without an error', a => a.send(ended(newId(), 1, 'failed')), 4008, 'request-invalid'],
    ['an error with endless causes', a => a.socket.send(caused(limits.causes + 2)), 4008, 'request-invalid'],
    ['an error with more causes than any stack holds', a => a.socket.send(caused(5_000)), 4008, 'frame-invalid'],
    [
      'a reason whose length compares with nothing',
      a => a.send({ t: 'lost', task: newId(), attempt: 1, workerDied: true, reason: { length: { valueOf: null } } }),
      4008,
      'request-invalid',
    ],
    ['a reason that is nested deeper than any stack', a => a.socket.send(nestedReason()), 4008, 'frame-invalid'],
    [
      'a value shorter than it says',
      a => a.send({ ...succeeded(newId(), 1)[0] }, Buffer.from('22')),
      4008,
      'request-invalid',
    ],
    ['a frame cut inside a message', a => a.socket.send(Buffer.from([0, 0, 1, 0, 123])), 4008, 'frame-invalid'],
    ['an oversize frame', a => a.socket.send(Buffer.alloc(limits.frame + 1)), 1009, ''],
  ])('after welcome: %s', async (_what, say, code, reason) => {
    const agent = await RawAgent.join(broker.url, at.agentToken);
    say(agent);
    const closed = await agent.closing();
    expect([closed.code, closed.reason.split(':')[0]]).toEqual([code, reason]);
    await stillServes();
  });

  it('a result that names a blob nobody uploaded: 4008', async () => {
    const agent = await RawAgent.join(broker.url, at.agentToken, { credit: 1 });
    const { header } = await agent.next('task');
    const value = { type: 'application/json', size: 70_000, blob: zero };
    agent.send({ ...succeeded(header.task as string, header.attempt)[0], value });
    expect(await agent.closing()).toMatchObject({ code: 4008, reason: expect.stringMatching(/^request-invalid/) });
    await stillServes();
  });

  it('messages about tasks that are not its own change nothing', async () => {
    const agent = await RawAgent.join(broker.url, theirs.agentToken);
    const before = await client.getTask(myTask);
    for (const t of ['accept', 'started', 'preparing', 'lost']) {
      agent.send({ t, task: myTask, attempt: 1, ago: 1, text: 'x', reason: 'x', workerDied: true });
    }
    agent.send(...succeeded(myTask, 1));
    await agent.next('stale', myTask);
    await agent.settle();
    expect(await client.getTask(myTask)).toEqual(before);
    agent.socket.terminate();
  });
});
