import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { identify, isRunning, type ProcessIdentity } from '../processes.ts';

const Stored = z.object({ pid: z.number().int(), startedAt: z.string() });

/**
 * Makes this process the agent of an endpoint. The lock of an agent that has crashed is taken over; one that runs keeps
 * it, also when its number is that of the crashed one. Two that take over at once are told apart by the journal, which
 * only one process can open.
 * @throws RunaboutError `endpoint-running`
 */
export function takeLock(file: string): () => void {
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(identify(process.pid)), { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = lockHolder(file);
    if (holder) {
      throw new RunaboutError('endpoint-running', `The endpoint is running already, as process ${holder.pid}.`, {
        hint: 'Stop it first, or use it.',
      });
    }
    rmSync(file, { force: true });
  }
}

/** The running agent of an endpoint. */
export function lockHolder(file: string): ProcessIdentity | undefined {
  const stored = storedLock(file);
  return stored && isRunning(stored) ? stored : undefined;
}

/** Whether an agent has gone without removing its lock. */
export function isStale(file: string): boolean {
  const stored = storedLock(file);
  return stored !== undefined && !isRunning(stored);
}

function storedLock(file: string): ProcessIdentity | undefined {
  try {
    return Stored.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}
