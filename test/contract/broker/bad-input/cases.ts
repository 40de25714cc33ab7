import { newToken } from '../../../../broker/tokens.ts';
import { newId } from '../../../../protocol/ids.ts';
import { limits } from '../../../../protocol/limits.ts';
import { at, myTask, owner, userToken } from './world.ts';

// The table of bad REST requests, each with its exact answer.

export interface Case {
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
export const lazily = (value: () => unknown) => () => JSON.stringify(value());
export const submission = (more: object) =>
  lazily(() => ({
    tasks: [
      { function: { id: at.fn.id }, endpoint: at.endpoint.id, args: { type: 'application/json', text: '[]' }, ...more },
    ],
  }));
/** A registration with this JSON as its parameters. */
const registration = (parameters: string) =>
  `{"name":"f","digest":"${at.fn.latest.digest}","details":{"kind":"sync","parameters":${parameters}}}`;
export const zero = '0'.repeat(64);

export const cases: Case[] = [
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
  {
    // What measures the length of anything makes a text of it first, level by level.
    what: 'JSON that is nested deeper than any stack',
    method: 'POST',
    path: '/v1/endpoints',
    body: `{"name":{"length":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
    status: 400,
    code: 'json-invalid',
  },
  {
    what: 'an object whose length compares with nothing',
    method: 'POST',
    path: '/v1/endpoints',
    body: '{"name":{"length":{"valueOf":null,"toString":1}}}',
    status: 400,
    code: 'request-invalid',
  },
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
  {
    what: 'parameters that are nested too deep',
    method: 'POST',
    path: '/v1/functions',
    body: () => registration(`${'{"a":'.repeat(400)}1${'}'.repeat(400)}`),
    status: 400,
    code: 'request-invalid',
    at: 'details.parameters',
  },
  {
    what: 'parameters that are too large',
    method: 'POST',
    path: '/v1/functions',
    body: () => registration(JSON.stringify({ enum: ['x'.repeat(limits.schema)] })),
    status: 400,
    code: 'request-invalid',
    at: 'details.parameters',
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
];

export const give = <T>(value: T | (() => T)): T => (typeof value === 'function' ? (value as () => T)() : value);
