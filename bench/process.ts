import { readdirSync, readFileSync } from 'node:fs';

/**
 * Processor time that a process has used so far, all its threads together, in microseconds; `undefined` where the
 * system does not tell. From /proc/PID/task/TID/schedstat (proc(5)), which counts nanoseconds.
 */
export function cpuUs(pid: number): number | undefined {
  return read(() => {
    const threads = readdirSync(`/proc/${pid}/task`);
    const times = threads.map(thread =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    return times.reduce((sum, ns) => sum + ns, 0) / 1000;
  });
}

/** Memory of a process that is in RAM, in MiB; `undefined` where the system does not tell. */
export function residentMiB(pid: number): number | undefined {
  return read(() => {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
  });
}

/** The processes that a process has started and that still run; none where the system does not tell. */
export function childrenOf(pid: number): number[] {
  const children = read(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
  return (children ?? '').split(' ').filter(Boolean).map(Number);
}

function read<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}
