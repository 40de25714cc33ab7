// Requests of the REST API: every route with what it takes, damaged in every part.
import * as fc from 'fast-check';
import type * as z from 'zod';
import { PageQuery } from '../../../protocol/client-broker/common.ts';
import { CreateEndpoint, EndpointQuery } from '../../../protocol/client-broker/endpoints.ts';
import { FunctionQuery, RegisterFunction } from '../../../protocol/client-broker/functions.ts';
import { CreateUser } from '../../../protocol/client-broker/principals.ts';
import { OutputQuery, SubmitTasks, TaskQuery } from '../../../protocol/client-broker/tasks.ts';
import { damagedBytes, damagedJson } from './damage.ts';
import { hostileText, hostileValue, toJson } from './hostile.ts';
import { digests, ids } from './names.ts';
import { valid } from './schema.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'OPTIONS' | 'PROPFIND';
export const tokens = ['mallory', 'agent', 'owner', 'none', 'unknown', 'noise'] as const;
export type TokenName = (typeof tokens)[number];

export interface HttpRequest {
  method: Method;
  /** With the stand-ins of ./names.ts in it; percent-encoded. */
  path: string;
  token: TokenName;
  headers: Record<string, string>;
  body: Uint8Array | undefined;
}

interface Route {
  method: Method;
  /** `{id}` and `{digest}` stand for a name. */
  path: string;
  query?: z.core.$ZodType;
  body?: z.core.$ZodType | 'bytes';
}

/** Every route; a run compares it with the broker's own description. */
export const routes: readonly Route[] = [
  { method: 'GET', path: '/v1/whoami' },
  { method: 'POST', path: '/v1/users', body: CreateUser },
  { method: 'POST', path: '/v1/functions', body: RegisterFunction },
  { method: 'GET', path: '/v1/functions', query: FunctionQuery },
  { method: 'GET', path: '/v1/functions/{id}' },
  { method: 'GET', path: '/v1/functions/{id}/versions', query: PageQuery },
  { method: 'DELETE', path: '/v1/functions/{id}' },
  { method: 'POST', path: '/v1/endpoints', body: CreateEndpoint },
  { method: 'GET', path: '/v1/endpoints', query: EndpointQuery },
  { method: 'GET', path: '/v1/endpoints/{id}' },
  { method: 'GET', path: '/v1/endpoints/{id}/status' },
  { method: 'POST', path: '/v1/endpoints/{id}/token' },
  { method: 'DELETE', path: '/v1/endpoints/{id}' },
  { method: 'POST', path: '/v1/tasks', body: SubmitTasks },
  { method: 'GET', path: '/v1/tasks', query: TaskQuery },
  { method: 'GET', path: '/v1/tasks/{id}' },
  { method: 'POST', path: '/v1/tasks/{id}/cancel' },
  // Its waiting time is bounded by hand: a run would sit out what is valid.
  { method: 'GET', path: '/v1/tasks/{id}/wait' },
  { method: 'GET', path: '/v1/tasks/{id}/history' },
  { method: 'GET', path: '/v1/tasks/{id}/output', query: OutputQuery },
  { method: 'GET', path: '/v1/tasks/{id}/result' },
  ...(['bundles', 'blobs'] as const).flatMap((kind): Route[] => [
    { method: 'PUT', path: `/v1/${kind}/{digest}`, body: 'bytes' },
    { method: 'HEAD', path: `/v1/${kind}/{digest}` },
    { method: 'GET', path: `/v1/${kind}/{digest}` },
  ]),
  { method: 'GET', path: '/v1/agent' },
  { method: 'GET', path: '/v1/events' },
  { method: 'GET', path: '/v1/openapi.json' },
];

const segment = (names: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 9, arbitrary: names }, { weight: 1, arbitrary: hostileText.map(encode) });

/** Also of halves of characters, which have no encoding of their own. */
const encode = (text: string) => encodeURIComponent(text.toWellFormed()).slice(0, 3_000);

function query(schema: z.core.$ZodType | undefined, path: string): fc.Arbitrary<string> {
  if (path.endsWith('/wait')) return fc.constantFrom('?ms=0', '?ms=5', '?ms=-1', '?ms=x', '?ms=1e9', '?ms=0&ms=1');
  const known = schema ? valid(schema) : fc.constant({});
  const pairs = fc
    .tuple(known, fc.array(fc.tuple(hostileText, hostileText), { maxLength: 2 }))
    .map(([value, more]) => [
      ...Object.entries(value as object).map(([key, item]) => [key, String(item)] as const),
      ...more,
    ]);
  return fc.tuple(pairs, fc.option(fc.tuple(fc.nat(), hostileText), { freq: 3 })).map(([all, change]) => {
    const changed = all.map(([key, item], i) =>
      change && i === change[0] % all.length ? [key, change[1]] : [key, item],
    );
    return changed.length === 0 ? '' : `?${changed.map(([key, item]) => `${encode(key!)}=${encode(item!)}`).join('&')}`;
  });
}

const headerValue = hostileText
  // What Node's own client lets through.
  .map(text => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').slice(0, 2_000));
const headers: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'content-type',
          'accept',
          'if-none-match',
          'origin',
          'cookie',
          'range',
          'x-forwarded-for',
          'accept-encoding',
          'content-encoding',
          'host',
          'traceparent',
        ),
        headerValue,
      )
      .map(([name, value]) => ({ [name]: value })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, string>>(
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/json, application/json' },
      { 'content-type': 'multipart/form-data' },
      { 'content-type': '' },
      { 'content-encoding': 'gzip' },
      { range: 'bytes=0-18446744073709551615' },
      { 'x-http-method-override': 'DELETE' },
    ),
  },
);

function body(kind: Route['body']): fc.Arbitrary<Uint8Array | undefined> {
  if (kind === undefined)
    return fc.oneof(
      { weight: 9, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    );
  if (kind === 'bytes') return fc.uint8Array({ maxLength: 100 });
  const text = fc.oneof(
    { weight: 2, arbitrary: valid(kind) },
    { weight: 6, arbitrary: damagedJson(valid(kind)) },
    { weight: 1, arbitrary: hostileValue },
  );
  const bytes = text.map(value => Buffer.from(toJson(value)));
  return fc.oneof({ weight: 6, arbitrary: bytes }, { weight: 1, arbitrary: damagedBytes(bytes) });
}

function request(route: Route): fc.Arbitrary<HttpRequest> {
  const path = fc.tuple(segment(ids), segment(digests)).map(([id, digest]) => {
    return route.path.replace('{id}', id).replace('{digest}', digest);
  });
  return fc
    .record({
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constant(route.method) },
        { weight: 1, arbitrary: fc.constantFrom<Method>('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'OPTIONS', 'PROPFIND') },
      ),
      path: fc.tuple(path, query(route.query, route.path)).map(parts => parts.join('')),
      token: fc.oneof(
        { weight: 14, arbitrary: fc.constant<TokenName>(route.path === '/v1/users' ? 'owner' : 'mallory') },
        { weight: 1, arbitrary: fc.constantFrom(...tokens) },
      ),
      headers,
      body: body(route.body),
    })
    .map(made => ({ ...made, headers: { 'content-type': mediaType(route), ...made.headers } }));
}

const mediaType = (route: Route) => (route.body === 'bytes' ? 'application/octet-stream' : 'application/json');

export const requests: fc.Arbitrary<HttpRequest> = fc.oneof(
  ...routes.map(route => ({ weight: route.body ? 4 : 1, arbitrary: request(route) })),
);
