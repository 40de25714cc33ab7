import { renameSync, statSync } from 'node:fs';
import { destination, type Logger, multistream, pino } from 'pino';

const MAX_BYTES = 10 * 1024 * 1024;
const CHECK_MS = 60_000;
/** Characters of log lines that wait for a disk that takes none. */
const MOST_UNWRITTEN = 1024 * 1024;

/**
 * The agent's log: JSON lines in a file that is renamed to `FILE.1` when it has grown too large, and replaces what was
 * there. In the foreground also on standard error.
 */
export function openLog(file: string, level: string, foreground: boolean): Logger {
  rotate(file);
  const target = logTarget(file);
  setInterval(() => {
    try {
      if (rotate(file)) target.reopen();
    } catch {
      // There is no room for a new file: what was opened before goes on.
    }
  }, CHECK_MS).unref();
  const base = { part: 'agent', pid: process.pid };
  if (!foreground) return pino({ level, base }, target);
  return pino({ level, base }, multistream([{ stream: target }, { stream: logTarget(2) }]));
}

/** Where log lines go: a file, or an open one by its number. */
export function logTarget(dest: string | number) {
  const target = destination({ dest, append: true, mkdir: true, mode: 0o600, sync: true, maxLength: MOST_UNWRITTEN });
  // A full disk is no reason to stop: lines that cannot be written wait up to that cap, and further ones are dropped.
  target.on('error', () => {});
  return target;
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
