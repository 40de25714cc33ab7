import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { Http } from '../../../client/http.ts';

/** A server in the broker's place, and the client of it. */
async function serve(listener: RequestListener): Promise<{ http: Http; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { http: new Http({ url, token: 'secret' }, 'test'), server };
}

const Answer = z.object({ n: z.number() });
const post = { method: 'POST', json: { a: 'ä' } } as const;

test('a call that must not be repeated carries what the others do, over one connection', async () => {
  const seen: unknown[] = [];
  const ports = new Set<number | undefined>();
  const { http } = await serve(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { authorization, 'content-type': type, 'user-agent': agent } = request.headers;
    seen.push([request.method, request.url, authorization, type, agent, body]);
    ports.add(request.socket.remotePort);
    response.setHeader('server-timing', 'broker;dur=1.500');
    response.end('{"n":1}');
  });
  const times: number[] = [];
  const call = { ...post, query: { answer: 'ids' }, onBrokerTime: (ms: number) => times.push(ms) };
  expect(await http.json(Answer, 'tasks', call)).toEqual({ n: 1 });
  expect(await http.json(Answer, 'tasks', call)).toEqual({ n: 1 });
  const expected = ['POST', '/v1/tasks?answer=ids', 'Bearer secret', 'application/json', 'test', '{"a":"ä"}'];
  expect(seen).toEqual([expected, expected]);
  expect(times).toEqual([1.5, 1.5]);
  expect(ports.size).toBe(1);
});

test('it is sent once, also when the connection breaks', async () => {
  let calls = 0;
  const { http } = await serve(request => {
    calls += 1;
    request.socket.destroy();
  });
  await expect(http.json(Answer, 'tasks', post)).rejects.toMatchObject({ code: 'broker-unreachable' });
  expect(calls).toBe(1);
  await expect(http.json(Answer, 'tasks', { ...post, idempotent: true })).rejects.toMatchObject({
    code: 'broker-unreachable',
  });
  expect(calls).toBeGreaterThan(2);
});

test('its failures are told as those of the others', async () => {
  const problem = { type: 'about:blank', title: 't', status: 409, code: 'name-taken', detail: 'Taken.' };
  const { http } = await serve((request, response) => {
    if (request.url === '/v1/problem') response.writeHead(409).end(JSON.stringify(problem));
    else if (request.url === '/v1/proxy') response.writeHead(502).end('<html>');
  });
  await expect(http.json(Answer, 'problem', post)).rejects.toMatchObject({ code: 'name-taken' });
  await expect(http.json(Answer, 'proxy', post)).rejects.toMatchObject({ code: 'broker-internal' });
  await expect(http.json(Answer, 'silent', { ...post, timeoutMs: 20 })).rejects.toMatchObject({
    code: 'broker-unreachable',
    message: expect.stringContaining('did not answer in time'),
  });
  const controller = new AbortController();
  const aborted = http.json(Answer, 'silent', { ...post, signal: controller.signal });
  controller.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
});
