import type { HistoryEntry } from '../../../protocol/client-broker/tasks.ts';
import { isTerminal, type TaskEvent, type TaskState, transition } from '../../../protocol/tasks/states.ts';
import { endpointId } from './constants.ts';
import { type Context, orNull } from './context.ts';

/** The part of a task that changes over its life. */
export interface TaskRow {
  num: number;
  id: string;
  owner: number;
  endpoint: number;
  seq: number;
  state: TaskState;
  state_at: number;
  attempt: number;
  /** Attempts that count against `max_attempts`; one put back before it started does not. */
  tries: number;
  max_attempts: number;
  worker_deaths: number;
  not_before: number;
  deadline: number | null;
  /** Of a leased task: what the agent is preparing. Of a queued one: why its last attempt is gone. */
  note: string | null;
  started_at: number | null;
  /** Steps that were taken since it was read, as the column has them. */
  steps?: string;
  /** Set when it ends; of a task that had ended before it was read, they are not read. */
  ended_at?: number;
  value_type?: string;
  value_size?: number;
  error?: string;
  timings?: string;
  outcome_bytes?: Uint8Array;
  outcome_blob?: string;
  outcome_error?: string;
}

/** Start of every statement that reads tasks in order to change them. */
export const SELECT_TASK = `SELECT t.num, t.id, t.owner, t.endpoint, t.seq, t.state, t.state_at, t.attempt, t.tries,
  t.max_attempts, t.worker_deaths, t.not_before, t.deadline, t.note, t.started_at FROM tasks t`;

/** In the hands of an agent, in the words of the index `tasks_live`. */
export const IS_LIVE = "t.ended_at IS NULL AND t.state <> 'queued'";

export const isLive = (state: TaskState) => state === 'leased' || state === 'running' || state === 'cancelling';

/**
 * Takes one step of the table: changes `row`, writes its history and counts it. False, and nothing changed, when the
 * event does not apply. {@link saveTask} then writes the row, once for several steps.
 */
export function step(ctx: Context, row: TaskRow, event: TaskEvent, now: number, reason?: string): boolean {
  const next = transition(row.state, event);
  if (next === undefined) return false;
  const queued = Number(next === 'queued') - Number(row.state === 'queued');
  const live = Number(isLive(next)) - Number(isLive(row.state));
  if (event.type === 'claim') {
    row.attempt += 1;
    row.tries += 1;
  }
  row.state = next;
  row.state_at = now;
  row.note = null;
  row.seq = ctx.nextSeq(row.owner);
  if (next === 'running') row.started_at = now;
  if (next === 'queued') ctx.noteReady(endpointId(ctx, row.endpoint));
  if (isTerminal(next)) {
    row.ended_at = now;
    ctx.noteEnded(row.id);
  }
  ctx.count(row.endpoint, queued, live);
  row.steps = `${row.steps ?? ''},${stepText(next, now, row.attempt, reason)}`;
  return true;
}

/** One step, as an element of the column `steps`. */
export function stepText(state: TaskState, at: number, attempt: number, reason?: string): string {
  return reason === undefined ? `["${state}",${at},${attempt}]` : JSON.stringify([state, at, attempt, reason]);
}

/** The steps of a column, oldest first. */
export function readSteps(steps: string): HistoryEntry[] {
  const list = JSON.parse(`[${steps}]`) as [TaskState, number, number, string?][];
  return list.map(([state, at, attempt, reason]) => ({
    at,
    state,
    attempt,
    ...(reason === undefined ? {} : { reason }),
  }));
}

/** Writes what steps changed; for a task that goes on, only the columns that change while it does. */
export function saveTask(ctx: Context, row: TaskRow): void {
  const { seq, state, state_at, attempt, tries, worker_deaths, not_before, note, started_at, num } = row;
  if (row.ended_at === undefined) {
    ctx.run(
      `UPDATE tasks SET seq = ?, state = ?, state_at = ?, attempt = ?, tries = ?, worker_deaths = ?, not_before = ?,
         note = ?, started_at = ?, steps = steps || ? WHERE num = ?`,
      seq,
      state,
      state_at,
      attempt,
      tries,
      worker_deaths,
      not_before,
      note,
      started_at,
      row.steps ?? '',
      num,
    );
    delete row.steps;
    return;
  }
  ctx.run(
    `UPDATE tasks SET seq = ?, state = ?, state_at = ?, worker_deaths = ?, note = NULL, started_at = ?, ended_at = ?,
       value_type = ?, value_size = ?, error = ?, timings = ?, steps = steps || ?, outcome_bytes = ?, outcome_blob = ?,
       outcome_error = ? WHERE num = ?`,
    seq,
    state,
    state_at,
    worker_deaths,
    started_at,
    row.ended_at,
    orNull(row.value_type),
    orNull(row.value_size),
    orNull(row.error),
    orNull(row.timings),
    row.steps ?? '',
    orNull(row.outcome_bytes),
    orNull(row.outcome_blob),
    orNull(row.outcome_error),
    num,
  );
  delete row.steps;
}
