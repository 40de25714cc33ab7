// Processes as the kernel tells of them.
import { readdirSync, readFileSync } from 'node:fs';

export interface Found {
  pid: number;
  parent: number;
  command: string[];
}

/** All processes that have `text` in their arguments; not those that have ended and wait to be collected. */
export function findProcesses(text: string): Found[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        if (!command.some(part => part.includes(text))) return [];
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

/** `false`: there is no such process any more. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
