import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { BrokerClient } from '../../../client/client.ts';
import { spawnCli } from '../../support/cli.ts';

export interface BrokerProcess {
  child: ChildProcess;
  client: BrokerClient;
  /** What it wrote to standard error so far: its log. */
  log(): string;
  /** Its exit status, once it has ended. */
  ended: Promise<number | null>;
}

/** `runabout broker start` on a data folder, until the test is over. */
export async function startProcess(
  dataDir: string,
  options: { args?: string[]; env?: Record<string, string> } = {},
): Promise<BrokerProcess> {
  const args = ['broker', 'start', '--data', dataDir, '--port', '0', ...(options.args ?? [])];
  const child = spawnCli(dataDir, args, options.env ? { env: options.env } : {});
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([status]) => status as number | null);
  let log = '';
  child.stderr!.on('data', data => {
    log += data;
  });
  const [line] = (await Promise.race([
    once(createInterface(child.stdout!), 'line'),
    ended.then(status => Promise.reject(new Error(`the broker ended with ${status}: ${log}`))),
  ])) as [string];
  const [, url, tokenFile] = /^Broker at (\S+); the owner's token is in (.+)\.$/.exec(line)!;
  const client = new BrokerClient({ url: url!, token: readFileSync(tokenFile!, 'utf8').trim() });
  return { child, client, log: () => log, ended };
}
