import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { programUrl } from '../../protocol/entries.ts';
import { commonEnvironment } from '../environment.ts';
import { identify, isRunning } from '../processes.ts';
import type { BlockSpec, BlockStatus, Provider } from './provider.ts';

/**
 * Blocks on this machine: a manager in its own process group, so that it outlives its agent. The handle is
 * `PID:START`.
 */
export class LocalProvider implements Provider {
  readonly #logFile: string;

  constructor(logFile: string) {
    this.#logFile = logFile;
  }

  submit({ manager, rendezvous, workers, folder, logLevel }: BlockSpec): Promise<string> {
    const program = fileURLToPath(programUrl('manager'));
    const args = ['--id', manager, '--rendezvous', rendezvous, '--workers', String(workers), '--folder', folder];
    const log = openSync(this.#logFile, 'a', 0o600);
    const child = spawn(process.execPath, [program, ...args, '--log', logLevel], {
      detached: true,
      stdio: ['ignore', log, log],
      env: commonEnvironment(),
    });
    closeSync(log);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => {
        child.unref();
        const { pid, startedAt } = identify(child.pid!);
        resolve(`${pid}:${startedAt}`);
      });
    });
  }

  status(handle: string): Promise<BlockStatus> {
    return Promise.resolve({ state: isRunning(parseHandle(handle)) ? 'running' : 'ended' });
  }

  cancel(handle: string, groups: readonly number[]): Promise<void> {
    const manager = parseHandle(handle);
    if (isRunning(manager)) killGroup(manager.pid);
    // Workers end with their manager; what functions started ends with the workers' groups.
    for (const group of groups) killGroup(group);
    return Promise.resolve();
  }
}

function parseHandle(handle: string) {
  const [pid, startedAt = ''] = handle.split(':');
  return { pid: Number(pid), startedAt };
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
