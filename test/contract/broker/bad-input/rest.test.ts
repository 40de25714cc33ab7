// Every kind of bad request with its exact error; the broker serves on after each.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startBroker } from '../../../../broker/index.ts';
import { Problem } from '../../../../protocol/errors/error.ts';
import { digestOf } from '../../../../protocol/ids.ts';
import { limits } from '../../../../protocol/limits.ts';
import { until } from '../../../support/until.ts';
import { cases, give, zero } from './cases.ts';
import { others } from './others.ts';
import { bearer, broker, owner, refused, setUp, stillServes } from './world.ts';

setUp();

describe('over REST', () => {
  it.each([...cases, ...others])(
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
  expect(await refused(`${strict.url}/v1/events`, bearer('x'))).toEqual([429, 'too-many-requests']);
  const token = readFileSync(strict.ownerTokenFile, 'utf8').trim();
  expect((await fetch(`${strict.url}/v1/whoami`, { headers: bearer(token) })).status).toBe(200);
});
