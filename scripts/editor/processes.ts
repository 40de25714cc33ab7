/** Programs that a run starts: each with a deadline, and none that outlives it. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from './vscode.ts';

/**
 * The folder of a run, which every process of it inherits in this variable, whoever started it; managers and workers,
 * whose environment is their own, have the folder on their command line. So all of them are found again.
 */
const MARK = 'RUNABOUT_TEST_RUN';

export const runFolder = () => process.env[MARK];

/** Where a run keeps what has to stand inside the checkout, to find its packages. */
export const insideCheckout = (run: string) => join(root, 'out', basename(run));

export const marked = (run: string, env: NodeJS.ProcessEnv = {}) => ({ ...process.env, ...env, [MARK]: run });

export interface Ended {
  status: number | null;
  /** What it printed on standard output. */
  text: string;
}

/** Runs a program to its end, shows what it prints, and ends its whole process group after `withinMs`. */
export function run(
  program: string,
  args: string[],
  options: SpawnOptions & { withinMs: number; quiet?: boolean },
): Promise<Ended> {
  const { withinMs, quiet, ...spawnOptions } = options;
  const child = spawn(program, args, { ...spawnOptions, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout!.on('data', data => {
    text += data;
    if (!quiet) process.stdout.write(data);
  });
  const late = setTimeout(() => {
    console.error(`${args[0]} did not end within ${withinMs / 1000} s and is stopped.`);
    signalGroup(child, 'SIGTERM');
  }, withinMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', status => {
      clearTimeout(late);
      resolve({ status, text });
    });
  });
}

/** SIGTERM to the process group that `child` leads, and SIGKILL to what is left of it 3 s later. */
export async function stopGroup(child: ChildProcess): Promise<void> {
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  if (child.exitCode === null && child.signalCode === null) {
    signalGroup(child, 'SIGTERM');
    await Promise.race([exited, new Promise(resolve => setTimeout(resolve, 3000).unref())]);
  }
  signalGroup(child, 'SIGKILL');
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** The processes of a run that still live, as `pid command`. Found through /proc, so none elsewhere than on Linux. */
export function leftOver(run: string): { pid: number; command: string }[] {
  const found = [];
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const command = read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim();
    const environment = read(`/proc/${name}/environ`).split('\0');
    if (command.includes(run) || environment.includes(`${MARK}=${run}`)) found.push({ pid: Number(name), command });
  }
  return found;
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
