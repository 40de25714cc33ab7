// Real processes to measure: a broker and an agent with its manager and workers, under a folder of their own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BrokerClient } from '../client/client.ts';
import { localConnection } from '../client/local.ts';

const runabout = fileURLToPath(new URL('../dist/runabout.js', import.meta.url));

export interface Rig {
  client: BrokerClient;
  endpoint: string;
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
    client: new BrokerClient(connection, 'runabout-bench'),
    endpoint,
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
