import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { existingEndpoint } from './create.ts';
import type { EndpointRef } from './folder.ts';

export interface LogOptions extends EndpointRef {
  /** How many of the last lines. */
  lines: number;
  /** Go on with what is written from now on, until `signal`. */
  follow?: boolean;
  signal?: AbortSignal;
}

const LOOK_MS = 200;
/** The last lines are looked for in this much of the file's end. */
const TAIL_BYTES = 4 * 1024 * 1024;

/** The log of an endpoint's agent and managers, a line each, as people read it. */
export async function* readLogs({ home, name, lines, follow = false, signal }: LogOptions): AsyncGenerator<string> {
  const { log: file } = existingEndpoint({ home, name });
  const start = Math.max(0, sizeOf(file) - TAIL_BYTES);
  let { text, end } = readFrom(file, start);
  const whole = text.split('\n');
  // The last one is not finished, or empty.
  let rest = whole.pop()!;
  for (const line of whole.slice(-lines)) yield formatLine(line);
  while (follow && !signal?.aborted) {
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
    // A file that has become shorter is a new one.
    if (sizeOf(file) < end) end = 0;
    ({ text, end } = readFrom(file, end));
    const next = (rest + text).split('\n');
    rest = next.pop()!;
    for (const line of next) yield formatLine(line);
  }
}

/** One line of the log for people. What is no log entry (the last words of a crash) stays as it is. */
export function formatLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, part, pid: _pid, msg, ...rest } = entry;
  const names: Record<number, string> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
  const more = Object.entries(rest).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const at = typeof time === 'number' ? new Date(time).toISOString() : '';
  return `${at} ${(names[level as number] ?? '').padEnd(5)} ${part}: ${msg ?? ''}${more.join('')}`;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readFrom(file: string, from: number): { text: string; end: number } {
  if (sizeOf(file) <= from) return { text: '', end: from };
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(handle).size - from));
    const length = readSync(handle, bytes, 0, bytes.length, from);
    return { text: bytes.toString('utf8', 0, length), end: from + length };
  } finally {
    closeSync(handle);
  }
}
