// Every kind of bad input with its exact error; the broker serves on after each.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningBroker, startBroker } from '../../../broker/index.ts';
import { newToken } from '../../../broker/tokens.ts';
import { BrokerClient } from '../../../client/client.ts';
import { Problem } from '../../../protocol/errors/error.ts';
import { digestOf, newId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { CODE, type Target, target } from '../../support/broker.ts';
import { HOST, RawAgent, succeeded, WORKERS } from '../../support/raw-agent.ts';
import { until } from '../../support/until.ts';

let broker: RunningBroker;
let owner: string;
let client: BrokerClient;
let at: Target;
/** Things of another user. */
let theirs: Target;
let theirTask: string;
let myTask: string;
let userToken: string;

beforeAll(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'runabout-bad-input-'));
  broker = await startBroker({ dataDir, logLevel: 'silent', helloTimeoutMs: 300 });
  owner = readFileSync(broker.ownerTokenFile, 'utf8').trim();
  client = new BrokerClient({ url: broker.url, token: owner });
  at = await target(client);
  myTask = (await at.submit()).id;
  userToken = (await client.createUser('ann')).token;
  theirs = await target(new BrokerClient({ url: broker.url, token: userToken }));
  theirTask = (await theirs.submit()).id;
  return async () => {
    await broker.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
});

/** What every case ends with: the broker still does its work. */
const stillServes = async () => {
  expect((await client.getTask(myTask)).id).toBe(myTask);
  expect((await at.submit()).state).toBe('queued');
};

interface Case {
  what: string;
  method?: string;
  path: string | (() => string);
  token?: string | null | (() => string);
  type?: string;
  body?: string | Uint8Array | (() => string | Uint8Array);
  status: number;
  code: string;
  /** Where in the request it is. */
  at?: string;
}

const json = (value: unknown) => () => JSON.stringify(value);
const lazily = (value: () => unknown) => () => JSON.stringify(value());
const submission = (more: object) =>
  lazily(() => ({
    tasks: [
      { function: { id: at.fn.id }, endpoint: at.endpoint.id, args: { type: 'application/json', text: '[]' }, ...more },
    ],
  }));
const zero = '0'.repeat(64);

const cases: Case[] = [
  // Tokens.
  { what: 'no token', path: '/v1/whoami', token: null, status: 401, code: 'token-missing' },
  {
    what: 'a token in the address',
    path: () => `/v1/whoami?token=${owner}&access_token=${owner}`,
    token: null,
    status: 401,
    code: 'token-missing',
  },
  { what: 'no token, no such address', path: '/v1/nothing', token: null, status: 401, code: 'token-missing' },
  { what: 'something that is no token', path: '/v1/whoami', token: 'let-me-in', status: 401, code: 'token-invalid' },
  {
    what: 'a token nobody gave out',
    path: '/v1/whoami',
    token: () => newToken('owner'),
    status: 401,
    code: 'token-invalid',
  },
  {
    what: 'a token with one letter changed',
    path: '/v1/whoami',
    token: () => `${owner.slice(0, -1)}${owner.endsWith('A') ? 'B' : 'A'}`,
    status: 401,
    code: 'token-invalid',
  },
  {
    what: "an agent's token for a user's call",
    path: '/v1/tasks',
    token: () => at.agentToken,
    status: 403,
    code: 'token-kind',
  },
  {
    what: "an agent's upload of a bundle",
    method: 'PUT',
    path: `/v1/bundles/${zero}`,
    token: () => at.agentToken,
    type: 'application/octet-stream',
    body: 'x',
    status: 403,
    code: 'token-kind',
  },
  {
    what: "a user's token for the owner's call",
    method: 'POST',
    path: '/v1/users',
    token: () => userToken,
    body: json({ name: 'bob' }),
    status: 403,
    code: 'token-kind',
  },
  // Addresses and methods.
  { what: 'no such address', path: '/v1/nothing', status: 404, code: 'route-not-found' },
  { what: 'no such address, with a bad escape', path: '/v1/%zz', status: 400, code: 'request-invalid' },
  {
    what: 'a method the address does not take',
    method: 'PATCH',
    path: '/v1/tasks',
    body: json({}),
    status: 405,
    code: 'method-not-allowed',
  },
  { what: 'a WebSocket address over plain HTTP', path: '/v1/events', status: 400, code: 'request-invalid' },
  // Bodies.
  { what: 'malformed JSON', method: 'POST', path: '/v1/tasks', body: '{"tasks": [', status: 400, code: 'json-invalid' },
  { what: 'an empty body', method: 'POST', path: '/v1/tasks', body: '', status: 400, code: 'json-invalid' },
  {
    what: 'a prototype in JSON',
    method: 'POST',
    path: '/v1/tasks',
    body: '{"__proto__": {"x": 1}}',
    status: 400,
    code: 'json-invalid',
  },
  {
    what: 'another media type',
    method: 'POST',
    path: '/v1/tasks',
    type: 'text/xml',
    body: '<tasks/>',
    status: 415,
    code: 'media-type',
  },
  {
    what: 'JSON where bytes are expected',
    method: 'PUT',
    path: `/v1/blobs/${zero}`,
    body: '{}',
    status: 415,
    code: 'media-type',
  },
  {
    what: 'bytes where JSON is expected',
    method: 'POST',
    path: '/v1/tasks',
    type: 'application/octet-stream',
    body: 'x',
    status: 415,
    code: 'media-type',
  },
  {
    what: 'an oversize body',
    method: 'POST',
    path: '/v1/tasks',
    body: () => Buffer.alloc(limits.restBody + 1, 32),
    status: 413,
    code: 'body-too-large',
  },
  {
    what: 'an oversize bundle',
    method: 'PUT',
    path: `/v1/bundles/${zero}`,
    type: 'application/octet-stream',
    body: () => Buffer.alloc(limits.bundle + 1),
    status: 413,
    code: 'body-too-large',
  },
  {
    what: 'a bundle that does not match its digest',
    method: 'PUT',
    path: `/v1/bundles/${zero}`,
    type: 'application/octet-stream',
    body: 'code',
    status: 422,
    code: 'digest-mismatch',
  },
  {
    what: 'a digest that is none',
    method: 'PUT',
    path: '/v1/bundles/abc',
    type: 'application/octet-stream',
    body: 'code',
    status: 400,
    code: 'request-invalid',
    at: 'digest',
  },
  {
    what: 'a digest that climbs out of the folder',
    path: '/v1/blobs/..%2F..%2Fowner-token',
    status: 400,
    code: 'request-invalid',
    at: 'digest',
  },
  { what: 'a bundle that is not there', path: `/v1/bundles/${zero}`, status: 404, code: 'not-found' },
  // Fields.
  {
    what: 'a missing field',
    method: 'POST',
    path: '/v1/endpoints',
    body: json({}),
    status: 400,
    code: 'request-invalid',
    at: 'name',
  },
  {
    what: 'a field of a wrong type',
    method: 'POST',
    path: '/v1/endpoints',
    body: json({ name: 7 }),
    status: 400,
    code: 'request-invalid',
    at: 'name',
  },
  {
    what: 'a field that does not exist',
    method: 'POST',
    path: '/v1/endpoints',
    body: json({ name: 'x', admin: true }),
    status: 400,
    code: 'request-invalid',
  },
  {
    what: 'a name with a slash',
    method: 'POST',
    path: '/v1/endpoints',
    body: json({ name: '../x' }),
    status: 400,
    code: 'request-invalid',
    at: 'name',
  },
  {
    what: 'a name that is taken',
    method: 'POST',
    path: '/v1/endpoints',
    body: json({ name: 'lab' }),
    status: 409,
    code: 'name-taken',
    at: 'name',
  },
  {
    what: 'a body that is no object',
    method: 'POST',
    path: '/v1/tasks',
    body: json([1]),
    status: 400,
    code: 'request-invalid',
  },
  {
    what: 'no tasks',
    method: 'POST',
    path: '/v1/tasks',
    body: json({ tasks: [] }),
    status: 400,
    code: 'request-invalid',
    at: 'tasks',
  },
  {
    what: 'too many tasks',
    method: 'POST',
    path: '/v1/tasks',
    body: lazily(() => ({ tasks: Array.from({ length: limits.batch + 1 }, () => ({})) })),
    status: 400,
    code: 'request-invalid',
    at: 'tasks',
  },
  {
    what: 'a priority out of range',
    method: 'POST',
    path: '/v1/tasks',
    body: submission({ priority: 1000 }),
    status: 400,
    code: 'request-invalid',
    at: 'tasks.0.priority',
  },
  {
    what: 'arguments that are not base64',
    method: 'POST',
    path: '/v1/tasks',
    body: submission({ args: { type: 'application/msgpack', base64: '!' } }),
    status: 400,
    code: 'request-invalid',
    at: 'tasks.0.args.base64',
  },
  {
    what: 'arguments over the cap',
    method: 'POST',
    path: '/v1/tasks',
    body: submission({ args: { type: 'application/json', text: ' '.repeat(limits.args + 1) } }),
    status: 422,
    code: 'arguments-invalid',
    at: 'tasks.0.args',
  },
  {
    what: 'arguments in a blob that is not there',
    method: 'POST',
    path: '/v1/tasks',
    body: submission({ args: { type: 'application/json', blob: zero, size: 1 } }),
    status: 422,
    code: 'arguments-invalid',
    at: 'tasks.0.args',
  },
  {
    what: 'a bundle that was not uploaded',
    method: 'POST',
    path: '/v1/functions',
    body: json({ name: 'f', digest: zero, details: { kind: 'sync' } }),
    status: 422,
    code: 'bundle-unknown',
    at: 'digest',
  },
  { what: 'a limit out of range', path: '/v1/tasks?limit=0', status: 400, code: 'request-invalid', at: 'limit' },
  {
    what: 'a state that does not exist',
    path: '/v1/tasks?state=asleep',
    status: 400,
    code: 'request-invalid',
    at: 'state',
  },
  { what: 'a cursor from elsewhere', path: '/v1/tasks?cursor=abc', status: 400, code: 'request-invalid', at: 'cursor' },
  // Ids.
  { what: 'an id that is none', path: '/v1/tasks/1', status: 400, code: 'request-invalid', at: 'id' },
  { what: 'an unknown task', path: () => `/v1/tasks/${newId()}`, status: 404, code: 'not-found' },
  { what: 'an unknown endpoint', path: () => `/v1/endpoints/${newId()}`, status: 404, code: 'not-found' },
  {
    what: 'a task for an unknown function',
    method: 'POST',
    path: '/v1/tasks',
    body: lazily(() => JSON.parse(submission({ function: { id: newId() } })())),
    status: 404,
    code: 'not-found',
    at: 'tasks.0.function',
  },
  {
    what: 'the result of a task that has not ended',
    path: () => `/v1/tasks/${myTask}/result`,
    status: 409,
    code: 'task-not-ended',
  },
  // Other people's.
  { what: "another's task", path: () => `/v1/tasks/${theirTask}`, status: 404, code: 'not-found' },
  { what: "a wait for another's task", path: () => `/v1/tasks/${theirTask}/wait?ms=0`, status: 404, code: 'not-found' },
  {
    what: "a cancel of another's task",
    method: 'POST',
    path: () => `/v1/tasks/${theirTask}/cancel`,
    status: 404,
    code: 'not-found',
  },
  { what: "the output of another's task", path: () => `/v1/tasks/${theirTask}/output`, status: 404, code: 'not-found' },
  { what: "another's function", path: () => `/v1/functions/${theirs.fn.id}`, status: 404, code: 'not-found' },
  {
    what: "the versions of another's function",
    path: () => `/v1/functions/${theirs.fn.id}/versions`,
    status: 404,
    code: 'not-found',
  },
  { what: "another's endpoint", path: () => `/v1/endpoints/${theirs.endpoint.id}`, status: 404, code: 'not-found' },
  {
    what: "a new token for another's endpoint",
    method: 'POST',
    path: () => `/v1/endpoints/${theirs.endpoint.id}/token`,
    status: 404,
    code: 'not-found',
  },
  {
    what: "a delete of another's endpoint",
    method: 'DELETE',
    path: () => `/v1/endpoints/${theirs.endpoint.id}`,
    status: 404,
    code: 'not-found',
  },
  {
    what: "a task on another's endpoint",
    method: 'POST',
    path: '/v1/tasks',
    body: lazily(() => JSON.parse(submission({ endpoint: theirs.endpoint.id })())),
    status: 404,
    code: 'not-found',
    at: 'tasks.0.endpoint',
  },
];

const give = <T>(value: T | (() => T)): T => (typeof value === 'function' ? (value as () => T)() : value);

describe('over REST', () => {
  it.each(cases)(
    '$what: $status $code',
    async ({ method = 'GET', path, token = () => owner, type = 'application/json', body, status, code, at: where }) => {
      const bearer = token === null ? undefined : give(token);
      const response = await fetch(broker.url + give(path), {
        method,
        headers: {
          ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
          ...(body === undefined ? {} : { 'content-type': type }),
        },
        ...(body === undefined ? {} : { body: give(body) as RequestInit['body'] }),
      });
      const problem = Problem.parse(await response.json());
      expect({ status: response.status, code: problem.code, path: problem.path }).toEqual({
        status,
        code,
        path: where,
      });
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(problem.status).toBe(status);
      expect(JSON.stringify(problem)).not.toContain(owner);
      if (status === 401) expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      if (status === 405) expect(response.headers.get('allow')).toBe('GET, POST');
      await stillServes();
    },
  );

  it('a body without a length, over the cap: cut off with 413', async () => {
    const chunk = new Uint8Array(1024 * 1024);
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ > limits.bundle / chunk.length) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await fetch(`${broker.url}/v1/bundles/${zero}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${owner}`, 'content-type': 'application/octet-stream' },
      body,
      duplex: 'half',
    } as RequestInit);
    expect([response.status, ((await response.json()) as Problem).code]).toEqual([413, 'body-too-large']);
    await stillServes();
  });

  it('bytes that are not HTTP: 400 request-invalid', async () => {
    const socket = connect(broker.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let text = '';
    socket.on('data', data => {
      text += data;
    });
    socket.write('what is this\r\n\r\n');
    await until('the broker answers', () => text.includes('}'));
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(text).toContain('"code":"request-invalid"');
    await stillServes();
  });

  it('an upload that breaks off leaves nothing behind', async () => {
    const bytes = Buffer.from('whole');
    const socket = connect(broker.port, '127.0.0.1');
    const head = [
      `PUT /v1/blobs/${digestOf(bytes)} HTTP/1.1`,
      'host: x',
      `authorization: Bearer ${owner}`,
      'content-type: application/octet-stream',
      `content-length: ${bytes.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\nwho`);
    await until('the head is out', () => socket.bytesWritten > 100);
    socket.destroy();
    await stillServes();
    expect(
      (await fetch(`${broker.url}/v1/blobs/${digestOf(bytes)}`, { headers: { authorization: `Bearer ${owner}` } }))
        .status,
    ).toBe(404);
  });
});

/** The status and code with which an upgrade is refused. */
async function refused(path: string, headers: Record<string, string>): Promise<[number, string]> {
  const socket = new WebSocket(broker.url.replace('http', 'ws') + path, { headers });
  onTestFinished(() => socket.terminate());
  return await new Promise((resolve, reject) => {
    socket.on('open', () => reject(new Error('opened')));
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

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

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
    expect(await refused(full, headers())).toEqual([status, code]);
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

const twice = (action: () => void) => {
  action();
  action();
};

describe('on the event stream', () => {
  it.each<[string, (socket: WebSocket) => void, number, string]>([
    ['malformed JSON', s => s.send('{'), 4008, 'json-invalid'],
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
      agent.send({ t, task: myTask, attempt: 1, at: 1, text: 'x', reason: 'x', workerDied: true });
    }
    agent.send(...succeeded(myTask, 1));
    await agent.next('stale', myTask);
    await agent.settle();
    expect(await client.getTask(myTask)).toEqual(before);
    agent.socket.terminate();
  });
});

it('too many requests without a valid token: 429 with Retry-After, and a valid one still passes', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'runabout-limit-'));
  const strict = await startBroker({ dataDir, logLevel: 'silent', authFailuresPerMinute: 3 });
  onTestFinished(async () => {
    await strict.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push((await fetch(`${strict.url}/v1/whoami`, { headers: bearer('x') })).status);
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  const last = await fetch(`${strict.url}/v1/whoami`, { headers: bearer('x') });
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(((await last.json()) as Problem).code).toBe('too-many-requests');
  const token = readFileSync(strict.ownerTokenFile, 'utf8').trim();
  expect((await fetch(`${strict.url}/v1/whoami`, { headers: bearer(token) })).status).toBe(200);
});

it('has the code that others registered, under its own digest', () => {
  expect(at.fn.latest.digest).toBe(digestOf(CODE));
});
