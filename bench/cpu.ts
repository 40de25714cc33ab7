import { readdirSync, readFileSync } from 'node:fs';
import { cpuUs } from './process.ts';

/**
 * Processor time that the programs of a rig have used so far, in microseconds, by program: broker, agent, manager,
 * worker (all of them), and client, which is this process. Empty where there is no `/proc`.
 * @param home the rig's folder, which stands in the command line or the environment of each of its processes
 */
export function cpuOfPrograms(home: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const pid of processes()) {
    const text = read(`/proc/${pid}/cmdline`) + read(`/proc/${pid}/environ`);
    const program =
      pid === process.pid
        ? 'client'
        : text.includes(home) && /(broker|agent|manager|worker)(?:\.js|\0start)/.exec(text)?.[1];
    if (program) times.set(program, (times.get(program) ?? 0) + (cpuUs(pid) ?? 0));
  }
  return times;
}

/** What was used between two readings, in microseconds for each of so many tasks. */
export function cpuPerTask(before: Map<string, number>, after: Map<string, number>, tasks: number) {
  const used = [...after].map(
    ([program, us]) => [program, Math.round((us - (before.get(program) ?? 0)) / tasks)] as const,
  );
  return { ...Object.fromEntries(used), all: used.reduce((sum, [, us]) => sum + us, 0) };
}

function processes(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
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
