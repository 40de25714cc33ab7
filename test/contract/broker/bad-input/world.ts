import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type RunningBroker, startBroker } from '../../../../broker/index.ts';
import { BrokerClient } from '../../../../client/client.ts';
import type { Problem } from '../../../../protocol/errors/error.ts';
import { type Target, target } from '../../../support/broker.ts';

// One broker with the things of two people, for every kind of bad input to be tried on.

export let broker: RunningBroker;
export let owner: string;
export let client: BrokerClient;
export let at: Target;
/** Things of another user. */
export let theirs: Target;
export let theirTask: string;
export let myTask: string;
export let userToken: string;

/** Starts the broker before the tests of a file, and stops it after them. */
export const setUp = () =>
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
export const stillServes = async () => {
  expect((await client.getTask(myTask)).id).toBe(myTask);
  expect((await at.submit()).state).toBe('queued');
};

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** The status and code with which an upgrade is refused. */
export async function refused(url: string, headers: Record<string, string>): Promise<[number, string]> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
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
