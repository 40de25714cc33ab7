import type { EndpointRecord, WorkerCounts } from '../protocol/client-broker/endpoints.ts';
import type { TaskRecord, Wait } from '../protocol/client-broker/tasks.ts';
import type { TaskState } from '../protocol/tasks/states.ts';
import { t } from './l10n.ts';

/** A span of time, `ms` in milliseconds: `12 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return t('{0} ms', ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms));
  const seconds = ms / 1000;
  if (seconds < 60) return t('{0} s', seconds < 10 ? seconds.toFixed(1) : Math.round(seconds));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t('{0} min {1} s', minutes, Math.floor(seconds % 60));
  return t('{0} h {1} min', Math.floor(minutes / 60), minutes % 60);
}

/** A time of day, with the date when it is not today: `10:42`, `23 Nov 10:42`. */
export function clock(time: number, now: number = Date.now()): string {
  const date = new Date(time);
  const hours = date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  if (date.toDateString() === new Date(now).toDateString()) return hours;
  return `${date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })} ${hours}`;
}

/** A size in bytes: `812 B`, `1.4 kB`, `3.0 MB`. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  if (size < 1_000_000) return `${(size / 1000).toFixed(1)} kB`;
  if (size < 1_000_000_000) return `${(size / 1_000_000).toFixed(1)} MB`;
  return `${(size / 1_000_000_000).toFixed(1)} GB`;
}

/** The last part of a function's name: `stats/mean.ts#mean` → `mean`. */
export function shortName(functionName: string): string {
  return functionName.slice(functionName.lastIndexOf('#') + 1) || functionName;
}

export function stateWord(state: TaskState): string {
  switch (state) {
    case 'queued':
      return t('waiting');
    case 'leased':
      return t('starting');
    case 'running':
      return t('running');
    case 'cancelling':
      return t('cancelling');
    case 'succeeded':
      return t('succeeded');
    case 'failed':
      return t('failed');
    case 'cancelled':
      return t('cancelled');
    case 'expired':
      return t('expired');
    case 'lost':
      return t('lost');
  }
}

/** Why a task waits, and since when. */
export function waitText(wait: Wait, now?: number): string {
  return t('{0}, since {1}', wait.text.replace(/\.$/, ''), clock(wait.since, now));
}

/** How long a task took, or has taken: from its start to its end, in milliseconds. */
export function taskDuration(task: TaskRecord): number | undefined {
  return task.startedAt !== undefined && task.endedAt !== undefined ? task.endedAt - task.startedAt : undefined;
}

/** `online · 2 workers · 1 running`, `offline since 10:42`. */
export function endpointState({ status }: EndpointRecord, now?: number): string {
  if (status.state === 'new') return t('no agent has connected yet');
  if (status.state === 'offline') {
    const since = t('offline since {0}', clock(status.since, now));
    return status.queued > 0 ? `${since} · ${t('{0} waiting', status.queued)}` : since;
  }
  const parts = [t('online')];
  if (status.workers) parts.push(...workersWords(status.workers));
  if (status.running > 0) parts.push(t('{0} running', status.running));
  if (status.queued > 0) parts.push(t('{0} waiting', status.queued));
  return parts.join(' · ');
}

function workersWords({ total, tasksEach }: WorkerCounts): string[] {
  const words = [total === 1 ? t('1 worker') : t('{0} workers', total)];
  if (tasksEach) words.push(t('{0} tasks each', tasksEach));
  return words;
}

/**
 * What a task's row says after the function's name.
 * @param where also the endpoint; not under a row that is the endpoint
 */
export function taskState(task: TaskRecord, { now, where = true }: { now?: number; where?: boolean } = {}): string {
  const parts = [stateWord(task.state)];
  if (task.wait && task.state === 'queued') parts.push(waitText(task.wait, now));
  const took = taskDuration(task);
  if (took !== undefined) parts.push(duration(took));
  if (where) parts.push(task.endpoint.name);
  parts.push(clock(task.createdAt, now));
  return parts.join(' · ');
}
