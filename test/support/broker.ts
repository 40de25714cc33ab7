import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { type BrokerOptions, type RunningBroker, startBroker } from '../../broker/index.ts';
import { BrokerClient } from '../../client/client.ts';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import type { FunctionRecord } from '../../protocol/client-broker/functions.ts';
import type { SubmitTask, TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { digestOf } from '../../protocol/ids.ts';
import { folder } from './folder.ts';

/** A real broker on a fresh data folder, and what its owner needs to use it. */
export interface TestBroker extends RunningBroker {
  dataDir: string;
  ownerToken: string;
  /** A client as the owner, or with another token. */
  client(token?: string): BrokerClient;
}

/** Starts a broker that ends with the test. */
export async function testBroker(options: Partial<BrokerOptions> = {}): Promise<TestBroker> {
  const dataDir = options.dataDir ?? folder('broker');
  const running = await startBroker({ logLevel: 'silent', ...options, dataDir });
  onTestFinished(() => running.close());
  const ownerToken = readFileSync(running.ownerTokenFile, 'utf8').trim();
  return {
    ...running,
    dataDir,
    ownerToken,
    client: (token = ownerToken) => new BrokerClient({ url: running.url, token }),
  };
}

/** The code of a function that nobody here runs. */
export const CODE = Buffer.from('export default () => 1;\n');

/** A function and an endpoint of one owner, to submit tasks to. */
export interface Target {
  client: BrokerClient;
  fn: FunctionRecord;
  endpoint: EndpointRecord;
  agentToken: string;
  submit(task?: Partial<SubmitTask>): Promise<TaskRecord>;
}

export async function target(client: BrokerClient, name = 'lab'): Promise<Target> {
  await client.uploadBundle(CODE);
  const { function: fn } = await client.registerFunction({
    name: 'src/a.ts#one',
    digest: digestOf(CODE),
    details: { kind: 'sync' },
  });
  const { endpoint, token } = await client.createEndpoint(name);
  const args = await client.encodeArguments([]);
  return {
    client,
    fn,
    endpoint,
    agentToken: token,
    submit: async task =>
      (await client.submit([{ function: { id: fn.id }, endpoint: endpoint.id, args, ...task }]))[0]!,
  };
}
