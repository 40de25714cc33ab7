import { type Dispatch, dispatchBytes } from '../../contract.ts';
import { codeOf } from '../constants.ts';
import type { Context } from '../context.ts';
import { toValue } from '../records.ts';
import { SELECT_TASK, saveTask, step, type TaskRow } from '../transitions.ts';
import { endOneExpired } from './endings.ts';
import type { VerbGroup } from './principals.ts';
import { currentSession } from './sessions.ts';

/** A task with what its agent needs to run it. */
export interface DispatchRow extends TaskRow {
  version: number;
  timeout_ms: number | null;
  args_type: string;
  args_size: number;
  args_bytes: Uint8Array | null;
  args_blob: string | null;
}

export const SELECT_DISPATCH = SELECT_TASK.replace(
  ' FROM tasks t',
  `, t.version, t.timeout_ms, a.type AS args_type, a.size AS args_size, a.bytes AS args_bytes, a.blob AS args_blob
   FROM tasks t JOIN arguments a ON a.task = t.num`,
);

export function toDispatch(ctx: Context, row: DispatchRow, attempt: number): Dispatch {
  const { digest, map_digest, name, kind } = codeOf(ctx, row.version);
  return {
    task: row.id,
    attempt,
    digest,
    ...(map_digest === null ? {} : { mapDigest: map_digest }),
    name,
    kind,
    args: toValue({ type: row.args_type, size: row.args_size, bytes: row.args_bytes, blob: row.args_blob }),
    ...(row.timeout_ms === null ? {} : { timeoutMs: row.timeout_ms }),
    ...(row.worker_deaths > 0 ? { alone: true } : {}),
  };
}

const CURRENT_ATTEMPT = `${SELECT_TASK} WHERE t.id = ? AND t.endpoint = ? AND t.attempt = ?`;
const NEXT_IN_QUEUE = `${SELECT_DISPATCH} WHERE t.endpoint = ? AND t.state = 'queued' AND t.not_before = 0
  ORDER BY t.priority DESC, t.num LIMIT +?`;

/** A task of a session's endpoint whose current attempt is this one. */
export function currentAttempt(ctx: Context, endpoint: number, id: string, attempt: number): TaskRow | undefined {
  return ctx.get<TaskRow>(CURRENT_ATTEMPT, id, endpoint, attempt);
}

/** Takes the step to `running`, as of when the agent says that it was: between the claim and now. */
export function startAttempt(ctx: Context, row: TaskRow, startedAt: number, now: number): boolean {
  return step(ctx, row, { type: 'start' }, Math.max(row.state_at, Math.min(now, startedAt)));
}

/** Pauses that end in one claim: more would hold up everybody's commit. The others end in the next. */
const PAUSES = 4096;

/** Puts the tasks whose pause before the next attempt is over among those that can be claimed. */
function endPauses(ctx: Context, endpoint: number, now: number): void {
  ctx.run(
    `UPDATE tasks SET not_before = 0 WHERE num IN (
       SELECT num FROM tasks WHERE endpoint = ? AND state = 'queued' AND not_before > 0 AND not_before <= ?
       ORDER BY not_before LIMIT +?)`,
    endpoint,
    now,
    PAUSES,
  );
}

/** Tasks that a claim reads at once: with the largest arguments that are inline, 8 MiB. */
const PAGE = 128;

export const claims = {
  claim(ctx, { now, limit, room = Number.POSITIVE_INFINITY, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return 'superseded';
    endPauses(ctx, endpoint.num, now);
    const tasks: Dispatch[] = [];
    let bytes = 0;
    for (;;) {
      const wanted = Math.min(PAGE, limit - tasks.length);
      const rows = ctx.all<DispatchRow>(NEXT_IN_QUEUE, endpoint.num, wanted);
      for (const row of rows) {
        if (row.deadline !== null && row.deadline < now) {
          endOneExpired(ctx, row, now);
          continue;
        }
        step(ctx, row, { type: 'claim' }, now);
        saveTask(ctx, row);
        const dispatch = toDispatch(ctx, row, row.attempt);
        bytes += dispatchBytes(dispatch);
        tasks.push(dispatch);
      }
      if (tasks.length === limit || bytes >= room) return { tasks, more: true };
      if (rows.length < wanted) break;
    }
    ctx.noteDrained(ref.endpoint);
    const paused = ctx.get<{ next: number | null }>(
      "SELECT MIN(not_before) AS next FROM tasks WHERE endpoint = ? AND state = 'queued' AND not_before > 0",
      endpoint.num,
    );
    return { tasks, more: false, nextAt: paused?.next ?? undefined };
  },

  start(ctx, { now, attempts, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return false;
    for (const { task, attempt, startedAt } of attempts) {
      const row = currentAttempt(ctx, endpoint.num, task, attempt);
      if (row && startAttempt(ctx, row, startedAt, now)) saveTask(ctx, row);
    }
    return true;
  },

  preparing(ctx, { task, attempt, text, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return false;
    const row = currentAttempt(ctx, endpoint.num, task, attempt);
    if (row?.state !== 'leased') return true;
    row.note = text;
    row.seq = ctx.nextSeq(row.owner);
    saveTask(ctx, row);
    return true;
  },
} satisfies VerbGroup<'claim' | 'start' | 'preparing'>;
