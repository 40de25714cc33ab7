/** Ends and returns to the queue that no result brought about. */
import type { TaskError } from '../../../../protocol/tasks/error.ts';
import type { Context } from '../context.ts';
import { IS_LIVE, SELECT_TASK, saveTask, step, type TaskRow } from '../transitions.ts';

/** Characters of an error's message in the task's record; all of it is in the result. */
const RECORD_TEXT = 1000;

/** Sets why a task did not succeed. */
export function setError(row: TaskRow, error: TaskError): void {
  const { code, name, message } = error;
  row.error = JSON.stringify({ code, name, message: message.slice(0, RECORD_TEXT) });
  row.outcome_error = JSON.stringify(error);
}

/** How a task ended. */
export interface OutcomeRow {
  attempt: number;
  outcome_bytes: Uint8Array | null;
  outcome_blob: string | null;
  outcome_error: string | null;
  value_type: string | null;
  value_size: number | null;
  timings: string | null;
}

export const SELECT_OUTCOME = `SELECT attempt, outcome_bytes, outcome_blob, outcome_error, value_type, value_size, timings
  FROM tasks`;

/** Ends a queued task, or one whose attempt is over, as cancelled. */
export function endCancelled(ctx: Context, row: TaskRow, now: number, error: TaskError): void {
  if (!step(ctx, row, { type: 'cancel' }, now, error.message) && row.state !== 'cancelling') return;
  if (row.state === 'cancelling') step(ctx, row, { type: 'lease-lost', attemptsLeft: false }, now, error.message);
  setError(row, error);
  saveTask(ctx, row);
}

/**
 * Takes a lost attempt back: to the queue after a pause while attempts are left, else the task is lost (or cancelled,
 * if somebody had asked for that).
 * @param pause whether to wait before the next attempt; not after an agent that stopped in order
 */
export function loseAttempt(ctx: Context, row: TaskRow, now: number, reason: string, pause = true): void {
  const attemptsLeft = row.tries < row.max_attempts;
  if (!step(ctx, row, { type: 'lease-lost', attemptsLeft }, now, reason)) return;
  if (row.state === 'queued') {
    row.not_before = pause ? now + retryPause(ctx, row.tries) : 0;
    row.note = `Attempt ${row.attempt} was lost: ${reason}`;
    row.started_at = null;
  } else if (row.state === 'cancelled') {
    setError(row, { code: 'task-cancelled', message: 'The task was cancelled.' });
  } else {
    setError(row, {
      code: 'task-lost',
      message: `Attempt ${row.attempt} of ${row.max_attempts} was lost: ${reason}`,
      hint: 'Run it again, or allow more attempts.',
    });
  }
  saveTask(ctx, row);
}

function retryPause(ctx: Context, tries: number): number {
  const { retryFirstMs, retryMostMs } = ctx.policy;
  return Math.min(retryMostMs, retryFirstMs * 2 ** Math.max(0, tries - 1));
}

/** Cancels up to `limit` tasks of deleted endpoints. Returns how many. */
export function endTasksOfDeleted(ctx: Context, now: number, limit: number): number {
  let ended = 0;
  const deleted = ctx.all<{ num: number }>('SELECT num FROM endpoints WHERE deleted = 1 AND queued + live > 0');
  for (const { num } of deleted) {
    const rows = ctx.all<TaskRow>(
      `SELECT * FROM (${SELECT_TASK} WHERE t.endpoint = ? AND ${IS_LIVE} LIMIT +?)
       UNION ALL SELECT * FROM (${SELECT_TASK} WHERE t.endpoint = ? AND t.state = 'queued' AND t.not_before = 0 LIMIT +?)
       UNION ALL SELECT * FROM (${SELECT_TASK} WHERE t.endpoint = ? AND t.state = 'queued' AND t.not_before > 0 LIMIT +?)`,
      ...[num, limit - ended, num, limit - ended, num, limit - ended],
    );
    const error = { code: 'endpoint-deleted', message: 'The endpoint of this task was deleted.' };
    for (const row of rows) endCancelled(ctx, row, now, error);
    ended += rows.length;
    if (ended >= limit) break;
  }
  return ended;
}

/** Ends up to `limit` queued tasks whose deadline has passed. Returns how many. */
export function endExpired(ctx: Context, now: number, limit: number): number {
  const rows = ctx.all<TaskRow>(
    `${SELECT_TASK} WHERE t.state = 'queued' AND t.deadline IS NOT NULL AND t.deadline < ? ORDER BY t.deadline LIMIT +?`,
    now,
    limit,
  );
  for (const row of rows) endOneExpired(ctx, row, now);
  return rows.length;
}

export function endOneExpired(ctx: Context, row: TaskRow, now: number): void {
  if (!step(ctx, row, { type: 'deadline' }, now, 'The deadline passed.')) return;
  setError(row, {
    code: 'task-expired',
    message: `The task did not start before its deadline, ${new Date(row.deadline!).toISOString()}.`,
    hint: 'Submit it again with a later deadline, or start the endpoint.',
  });
  saveTask(ctx, row);
}
