import { expect, it } from 'vitest';
import { testBroker } from '../../support/broker.ts';

/** Every call of the API; a route that is added stands here too. */
const calls = [
  'DELETE /v1/endpoints/{id}',
  'DELETE /v1/functions/{id}',
  'GET /v1/agent',
  'GET /v1/blobs/{digest}',
  'GET /v1/bundles/{digest}',
  'GET /v1/endpoints',
  'GET /v1/endpoints/{id}',
  'GET /v1/endpoints/{id}/status',
  'GET /v1/events',
  'GET /v1/functions',
  'GET /v1/functions/{id}',
  'GET /v1/functions/{id}/versions',
  'GET /v1/openapi.json',
  'GET /v1/tasks',
  'GET /v1/tasks/{id}',
  'GET /v1/tasks/{id}/history',
  'GET /v1/tasks/{id}/output',
  'GET /v1/tasks/{id}/result',
  'GET /v1/tasks/{id}/wait',
  'GET /v1/whoami',
  'HEAD /v1/blobs/{digest}',
  'HEAD /v1/bundles/{digest}',
  'POST /v1/endpoints',
  'POST /v1/endpoints/{id}/token',
  'POST /v1/functions',
  'POST /v1/tasks',
  'POST /v1/tasks/{id}/cancel',
  'POST /v1/users',
  'PUT /v1/blobs/{digest}',
  'PUT /v1/bundles/{digest}',
];

interface Operation {
  summary?: string;
  parameters?: { name: string; in: string }[];
  requestBody?: unknown;
  responses: Record<string, unknown>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

it('is served as OpenAPI 3.1 and has every route, with its parameters and schemas', async () => {
  const broker = await testBroker();
  const api = (await broker.client().openApi()) as unknown as Document;
  expect(api.openapi).toBe('3.1.0');
  const documented = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  );
  expect(documented.sort()).toEqual(calls);
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      expect(operation.summary, `${method} ${path} says what it does`).toBeTruthy();
      for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
        expect(
          operation.parameters?.some(p => p.in === 'path' && p.name === name),
          `${method} ${path}: ${name}`,
        ).toBe(true);
      }
    }
  }
  expect(api.paths['/v1/tasks']!.post!.requestBody).toMatchObject({
    content: { 'application/json': { schema: { required: ['tasks'], additionalProperties: false } } },
  });
});

it('documents what the server answers: each call exists, under that method and no other', async () => {
  const broker = await testBroker();
  const headers = { authorization: `Bearer ${broker.ownerToken}` };
  const id = '01a00000-0000-7000-8000-000000000000';
  for (const path of new Set(calls.map(call => call.split(' ')[1]!))) {
    const url = broker.url + path.replace('{id}', id).replace('{digest}', '0'.repeat(64));
    const allowed = calls.filter(call => call.endsWith(` ${path}`)).map(call => call.split(' ')[0]!);
    const trace = await fetch(url, { method: 'OPTIONS', headers });
    expect([path, trace.status, trace.headers.get('allow')]).toEqual([path, 405, allowed.sort().join(', ')]);
  }
});
