// Real processes to measure: a broker and an agent with its manager and workers, under a folder of their own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endpointState } from '../agent/index.ts';
import { BrokerClient } from '../client/client.ts';
import { findLocalBroker, localConnection } from '../client/local.ts';

export const runabout = fileURLToPath(new URL('../dist/runabout.js', import.meta.url));
export const ENDPOINT = 'local';

export interface Rig {
  /** Everything of this rig is in here. */
  home: string;
  client: BrokerClient;
  /** Id of the endpoint. */
  endpoint: string;
  /** Their processes, as they are now. */
  readonly brokerPid: number;
  readonly agentPid: number;
  /** Runs a command of `runabout` here, for example `['up']`. */
  command(...args: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** @param workers how many workers the endpoint has */
export async function startRig(workers: number): Promise<Rig> {
  const home = mkdtempSync(join(tmpdir(), 'runabout-bench-'));
  let endpoint = '';
  await cli(home, ['up', '--json', '--port', '0', '--workers', String(workers)], line => {
    const step = JSON.parse(line);
    if (step.t === 'ready') endpoint = step.endpoint.id;
    else console.error(step.text ?? step.detail);
  });
  const connection = localConnection(home);
  if (!endpoint || !connection) throw new Error('The broker and the endpoint did not start.');
  return {
    home,
    client: new BrokerClient(connection, 'runabout-bench'),
    endpoint,
    get brokerPid() {
      return findLocalBroker(home)!.pid;
    },
    get agentPid() {
      return endpointState({ home, name: ENDPOINT }).pid!;
    },
    command: (...args) => cli(home, args, line => console.error(line)),
    async stop() {
      await cli(home, ['down'], line => console.error(line));
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function cli(home: string, args: string[], onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [runabout, ...args], {
      env: { ...process.env, RUNABOUT_HOME: home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: child.stdout }).on('line', onLine);
    child.on('error', reject);
    child.on('close', () => resolve());
  });
}
