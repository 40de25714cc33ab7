import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkBrokerUrl } from '../../../extension/connection/brokerUrl.ts';
import { findNode, suffices } from '../../../extension/connection/findNode.ts';
import { LocalBrokerControl } from '../../../extension/connection/localBroker.ts';
import { folder } from '../../support/folder.ts';

describe('the address of a broker', () => {
  test.each([
    ['https://broker.example.org/', 'https://broker.example.org', false],
    [' http://127.0.0.1:7411 ', 'http://127.0.0.1:7411', false],
    ['http://localhost:7411', 'http://localhost:7411', false],
    ['http://[::1]:7411', 'http://[::1]:7411', false],
    ['http://lab:7411/run/', 'http://lab:7411/run', true],
    ['http://127.0.0.1.evil.example', 'http://127.0.0.1.evil.example', true],
  ])('%s', (text, url, plain) => {
    expect(checkBrokerUrl(text)).toEqual({ ok: true, url, plain });
  });

  test.each([[''], ['broker'], ['ftp://x'], ['https://me:secret@x'], ['https://x?token=1'], ['file:///etc/passwd']])(
    'refuses %j and says why',
    text => {
      const checked = checkBrokerUrl(text);
      expect(checked.ok).toBe(false);
      expect(!checked.ok && checked.why.length).toBeGreaterThan(20);
    },
  );
});

describe('a Node.js for the local broker', () => {
  test.each([
    ['v24.15.0', true],
    ['v24.21.0', true],
    ['v25.0.0', true],
    ['v24.14.9', false],
    ['v22.22.0', false],
    ['not found', false],
    ['v24.21.0 without node:sqlite', false],
  ])('%s: %s', (version, enough) => {
    expect(suffices(version)).toBe(enough);
  });

  test('is the configured one, if that is new enough', async () => {
    expect(await findNode(process.execPath)).toEqual({ path: process.execPath, env: {} });
  });

  test('an old one is named with its version', async () => {
    const old = join(folder('node'), 'node');
    writeFileSync(old, '#!/bin/sh\necho v22.1.0\n');
    chmodSync(old, 0o755);
    await expect(findNode(old)).rejects.toMatchObject({
      code: 'endpoint-config',
      message: expect.stringContaining('v22.1.0'),
    });
  });

  test('one that is not there is said to be so', async () => {
    await expect(findNode('/nowhere/node')).rejects.toThrow(/not found/);
  });
});

describe('starting the local broker', () => {
  /** A program that prints what `runabout up --json` might. */
  function control(script: string) {
    const dist = folder('dist');
    writeFileSync(join(dist, 'runabout.js'), script);
    const log: string[] = [];
    const node = async () => ({ path: process.execPath, env: {} });
    return { log, local: new LocalBrokerControl({ dist, node, log: text => log.push(text) }) };
  }

  test('reports steps and returns what is ready', async () => {
    const ready = { t: 'ready', url: 'http://127.0.0.1:1', tokenFile: '/t', endpoint: { id: 'i', name: 'local' } };
    const lines = [{ t: 'step', text: 'one' }, 'noise', ready].map(line => JSON.stringify(line));
    const { local } = control(`for (const line of ${JSON.stringify(lines)}) console.log(line)`);
    const steps: string[] = [];
    expect(await local.start(step => steps.push(step))).toEqual(ready);
    expect(steps).toEqual(['one']);
  });

  test('passes its error on with code and hint', async () => {
    const problem = {
      t: 'error',
      type: 'x',
      title: 'x',
      status: 500,
      code: 'broker-address',
      detail: 'Port taken.',
      hint: 'Wait.',
    };
    const { local } = control(`console.log(${JSON.stringify(JSON.stringify(problem))}); process.exitCode = 3`);
    await expect(local.start(() => {})).rejects.toMatchObject({
      code: 'broker-address',
      explained: 'Port taken. Wait.',
    });
  });

  test('a program that just dies is an error too, with its words in the log', async () => {
    const { local, log } = control(`console.error('boom'); process.exit(7)`);
    await expect(local.start(() => {})).rejects.toThrow(/did not start \(7\)/);
    expect(log).toContain('boom');
  });

  test('can be stopped while it starts', async () => {
    const { local } = control('setInterval(() => {}, 1000)');
    const abort = new AbortController();
    const started = local.start(() => {}, abort.signal);
    abort.abort();
    await expect(started).rejects.toMatchObject({ name: 'AbortError' });
  });
});
