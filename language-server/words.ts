import type { RunSummary } from '../protocol/editor-server/messages.ts';
import { isTerminal } from '../protocol/tasks/states.ts';

/** A duration as a person reads it: `830 ms`, `1.2 s`, `2 m 5 s`, `3 h 10 m`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}

/** A run in a few words: `= 42 · 1.2 s`, `running…`, `failed: TypeError: …`. */
export function runText({ state, text, durationMs, stale }: RunSummary, max = 60): string {
  const time = durationMs === undefined ? '' : ` · ${duration(durationMs)}`;
  const age = stale ? ' · code has changed since' : '';
  const short = text.length > max ? `${text.slice(0, max - 1)}…` : text;
  if (state === 'succeeded') return `= ${short}${time}${age}`;
  if (isTerminal(state)) return `${state}: ${short}${time}${age}`;
  if (state === 'running') return text === 'running' ? 'running…' : `running… ${short}`;
  return text === state ? `${state}…` : `${state}: ${short}`;
}
