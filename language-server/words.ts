import type { RunSummary } from '../protocol/editor-server/messages.ts';
import { isTerminal, type TaskState } from '../protocol/tasks/states.ts';

/** A duration as a person reads it: `830 ms`, `1.2 s`, `2 m 5 s`, `3 h 10 m`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}

/** A run in a few words: `= 42 · 1.2 s`, `running…`, `failed: TypeError: …`. */
export function runText({ state, text, durationMs, stale }: RunSummary, max = 40): string {
  const short = text.length > max ? `${text.slice(0, max - 1)}…` : text;
  if (isTerminal(state)) return `${endText(state, short, durationMs)}${stale ? ' · code has changed since' : ''}`;
  if (state === 'running') return text === 'running' ? 'running…' : `running… ${short}`;
  return text === state ? `${state}…` : `${state}: ${short}`;
}

/** How a task ended: `= 42 · 1.2 s`, `failed: TypeError: …`. */
export function endText(state: TaskState, text: string, durationMs: number | undefined): string {
  const time = durationMs === undefined ? '' : ` · ${duration(durationMs)}`;
  // The end is known a moment before the value is.
  if (state === 'succeeded') return `= ${text || '…'}${time}`;
  return `${state}${text === '' || text === state ? '' : `: ${text}`}${time}`;
}
