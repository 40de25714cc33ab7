import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { programUrl } from '../../protocol/entries.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { isRunning } from '../processes.ts';
import { readConfig } from './config.ts';
import { existingEndpoint } from './create.ts';
import type { EndpointPaths, EndpointRef } from './folder.ts';
import { isStale, lockHolder } from './lock.ts';
import { type AgentState, readState } from './state.ts';
import { readToken } from './token.ts';

export interface StartReport {
  pid: number;
  /** The broker has the agent. */
  connected: boolean;
  /** Why it is not connected yet, as a sentence. The agent keeps trying. */
  problem?: string;
  /** Of an agent in the foreground: its exit code, when it has ended. */
  exited?: Promise<number>;
}

export interface EndpointState {
  /** `stale`: its agent has gone without a goodbye. */
  state: 'running' | 'stopped' | 'stale';
  pid?: number;
  /** Only of a running one. */
  connected?: boolean;
  /** What is wrong, or why it stopped, as a sentence. */
  problem?: string;
  /** Milliseconds since 1970. */
  since?: number;
  workers?: AgentState['workers'];
  /** Results that the broker does not have yet. */
  undelivered?: number;
}

const LOOK_MS = 25;
/** How long an agent may take until it says anything at all. */
const START_MS = 15_000;
/** Beyond its own drain and grace times, what an agent may take to end. */
const STOP_MARGIN_MS = 10_000;

/**
 * Starts the agent of an endpoint as a process of its own, and waits until it is connected or says why it is not.
 * @throws RunaboutError `endpoint-running`; `endpoint-config` for what has to be mended first; `token-invalid` when the
 * broker refuses it
 */
export async function startEndpoint({
  home,
  name,
  foreground = false,
}: EndpointRef & { foreground?: boolean }): Promise<StartReport> {
  const paths = existingEndpoint({ home, name });
  const holder = lockHolder(paths.lock);
  if (holder) throw alreadyRunning(name, holder.pid);
  // Said here, what is wrong with the files needs no process to find it.
  readConfig(paths, process.env);
  readToken(paths);
  rmSync(paths.state, { force: true });
  const child = spawnAgent(paths, { home, name }, foreground);
  const exited = new Promise<number>(resolve => {
    child.once('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
  const report = await settled(paths, name, child);
  if (foreground) return { ...report, exited };
  child.unref();
  return report;
}

/**
 * Stops an endpoint in order and waits for it: running tasks get the drain time of its configuration.
 * @throws RunaboutError `endpoint-not-running`
 */
export async function stopEndpoint({ home, name }: EndpointRef): Promise<void> {
  const paths = existingEndpoint({ home, name });
  const holder = lockHolder(paths.lock);
  if (!holder) throw new RunaboutError('endpoint-not-running', `The endpoint ${name} is not running.`);
  const { drainMs, graceMs } = timesOf(paths);
  kill(holder.pid, 'SIGTERM');
  const deadline = performance.now() + drainMs + graceMs + STOP_MARGIN_MS;
  while (isRunning(holder)) {
    // Its managers end by themselves when their agent stays away.
    if (performance.now() > deadline) kill(holder.pid, 'SIGKILL');
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}

/** Stops an endpoint if it runs, and starts it. With a mistake in its configuration it is not stopped either. */
export async function restartEndpoint(ref: EndpointRef): Promise<StartReport> {
  const paths = existingEndpoint(ref);
  readConfig(paths, process.env);
  if (lockHolder(paths.lock)) await stopEndpoint(ref);
  return await startEndpoint(ref);
}

/** How an endpoint is, without asking the broker. */
export function endpointState(ref: EndpointRef): EndpointState {
  const paths = existingEndpoint(ref);
  const holder = lockHolder(paths.lock);
  const state = readState(paths.state);
  if (holder) {
    const own = state?.pid === holder.pid ? state : undefined;
    return {
      state: 'running',
      pid: holder.pid,
      connected: own?.state === 'connected',
      ...pick(own?.problem, own?.since),
      ...(own?.workers ? { workers: own.workers } : {}),
      ...(own?.undelivered ? { undelivered: own.undelivered } : {}),
    };
  }
  if (isStale(paths.lock)) {
    return { state: 'stale', problem: 'Its agent ended without a goodbye; starting it again goes on where it was.' };
  }
  return { state: 'stopped', ...pick(state?.problem, state?.since) };
}

function pick(problem: string | undefined, since: number | undefined) {
  return { ...(problem ? { problem } : {}), ...(since ? { since } : {}) };
}

function spawnAgent(paths: EndpointPaths, { home, name }: EndpointRef, foreground: boolean): ChildProcess {
  const args = [fileURLToPath(programUrl('agent')), '--home', home, '--name', name];
  // The token of a person is not for the agent, which has its own.
  const { RUNABOUT_TOKEN: _, ...env } = process.env;
  if (foreground) {
    return spawn(process.execPath, [...args, '--foreground'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  }
  const log = openSync(paths.log, 'a', 0o600);
  try {
    return spawn(process.execPath, args, { env, detached: true, cwd: paths.folder, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

/** Waits for the first thing that the agent says about itself, other than that it tries. */
async function settled(paths: EndpointPaths, name: string, child: ChildProcess): Promise<StartReport> {
  const deadline = performance.now() + START_MS;
  let failure: Error | undefined;
  child.once('error', error => {
    failure = error;
  });
  while (performance.now() < deadline) {
    const ended = failure !== undefined || child.exitCode !== null || child.signalCode !== null;
    const state = readState(paths.state);
    const own = state && state.pid === child.pid ? state : undefined;
    if (own?.state === 'connected') return { pid: child.pid!, connected: true };
    if (own?.state === 'refused')
      throw new RunaboutError('token-invalid', own.problem ?? 'The broker refused it.', {
        hint: `Renew its token: runabout endpoint renew ${name}`,
      });
    if (ended) {
      const other = lockHolder(paths.lock);
      if (other) throw alreadyRunning(name, other.pid);
      const why = own?.problem ?? failure?.message ?? `its process ended; the log is ${paths.log}.`;
      throw new RunaboutError('endpoint-config', `The endpoint ${name} did not start: ${why}`);
    }
    if (own?.state === 'connecting' && own.problem) {
      return { pid: child.pid!, connected: false, problem: `${own.problem} The agent keeps trying.` };
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
  return { pid: child.pid!, connected: false, problem: 'The agent has not reached the broker yet. It keeps trying.' };
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It may end at any moment.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function alreadyRunning(name: string, pid: number): RunaboutError {
  return new RunaboutError('endpoint-running', `The endpoint ${name} is running already, as process ${pid}.`);
}

/** The configuration may be broken by now; the agent runs on an older one. */
function timesOf(paths: EndpointPaths): { drainMs: number; graceMs: number } {
  try {
    return readConfig(paths, {});
  } catch {
    return { drainMs: 60_000, graceMs: 60_000 };
  }
}
