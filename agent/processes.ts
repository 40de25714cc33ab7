import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process for certain: numbers are used again, but not with the same start time. */
export interface ProcessIdentity {
  pid: number;
  /** Opaque; only compared. Empty where the system does not tell. */
  startedAt: string;
}

export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: startOf(pid) ?? '' };
}

/** Whether this very process still runs. One that has ended and only waits to be collected does not. */
export function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
  const now = startOf(pid);
  return now !== undefined && now === startedAt;
}

/** `undefined` when there is no such process. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return linuxStart(pid);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  if (process.platform === 'win32') return '';
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)): start in clock ticks since boot. The name before it may hold any character. */
function linuxStart(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}
