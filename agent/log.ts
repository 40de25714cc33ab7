import { renameSync, statSync } from 'node:fs';
import { destination, type Logger, multistream, pino } from 'pino';

const MAX_BYTES = 10 * 1024 * 1024;
const CHECK_MS = 60_000;

/**
 * The agent's log: JSON lines in a file that is renamed to `FILE.1` when it has grown too large, and replaces what was
 * there. In the foreground also on standard error.
 */
export function openLog(file: string, level: string, foreground: boolean): Logger {
  rotate(file);
  const target = destination({ dest: file, append: true, mkdir: true, mode: 0o600, sync: true });
  setInterval(() => rotate(file) && target.reopen(), CHECK_MS).unref();
  const base = { part: 'agent', pid: process.pid };
  if (!foreground) return pino({ level, base }, target);
  return pino({ level, base }, multistream([{ stream: target }, { stream: process.stderr }]));
}

function rotate(file: string): boolean {
  try {
    if (statSync(file).size <= MAX_BYTES) return false;
    renameSync(file, `${file}.1`);
    return true;
  } catch {
    return false;
  }
}
