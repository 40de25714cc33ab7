import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const runabout = join(repository, 'dist', 'runabout.js');

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** Starts the `runabout` command of dist/ with a home folder of its own. */
export function spawnCli(
  home: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): ChildProcess {
  const { RUNABOUT_URL: _url, RUNABOUT_TOKEN: _token, ...env } = process.env;
  return spawn(process.execPath, [runabout, ...args], {
    cwd: options.cwd ?? repository,
    env: { ...env, RUNABOUT_HOME: home, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs the `runabout` command to its end. */
export function cli(
  home: string,
  args: string[],
  { input = '', ...options }: { input?: string; cwd?: string; env?: Record<string, string> } = {},
): Promise<Ran> {
  const child = spawnCli(home, args, options);
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout!.on('data', data => {
      stdout += data;
    });
    child.stderr!.on('data', data => {
      stderr += data;
    });
    child.on('error', reject);
    child.on('close', status => resolve({ status: status ?? -1, stdout, stderr }));
    child.stdin!.end(input);
  });
}

/** The lines of JSON that a command printed. */
export const jsonLines = (text: string) =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
