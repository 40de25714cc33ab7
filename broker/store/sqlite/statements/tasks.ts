import type { OutputChunk } from '../../../../protocol/client-broker/tasks.ts';
import { RunaboutError } from '../../../../protocol/errors/error.ts';
import { isTerminal, type TaskState } from '../../../../protocol/tasks/states.ts';
import { type ContentType, toJsonPayload } from '../../../../protocol/values/payload.ts';
import type { StoredValue } from '../../contract.ts';
import { endpointId } from '../constants.ts';
import { type Context, decodeCursor, notFound, toPage } from '../context.ts';
import { Queues, SELECT_TASK_RECORD, type TaskRecordRow, toTaskRecord, toTaskRecords, toValue } from '../records.ts';
import { readSteps, SELECT_TASK, saveTask, step, type TaskRow } from '../transitions.ts';
import { type OutcomeRow, SELECT_OUTCOME, setError } from './endings.ts';
import type { VerbGroup } from './principals.ts';

function findTask(ctx: Context, owner: number, id: string): TaskRow {
  const row = ctx.get<TaskRow>(`${SELECT_TASK} WHERE t.id = ? AND t.owner = ?`, id, owner);
  if (!row) throw notFound('task', id);
  return row;
}

function readRecord(ctx: Context, num: number, now: number) {
  return toTaskRecords(ctx, ctx.all<TaskRecordRow>(`${SELECT_TASK_RECORD} WHERE num = ?`, num), now)[0]!;
}

/**
 * The index that a list reads and the condition it needs for that. They are named, since the planner keeps no
 * statistics, and literal, since it takes a partial index only for conditions it can see.
 */
function listIndex(state: TaskState | undefined, endpoint?: string, fn?: string): { index: string; condition: string } {
  const condition = state === undefined ? '' : `AND state = '${state}'`;
  if (state === 'queued') return { index: 'tasks_waiting', condition };
  if (state !== undefined && !isTerminal(state)) {
    return {
      index: 'tasks_live',
      condition: `AND ended_at IS NULL AND state <> 'queued' ${condition}
        AND endpoint IN (SELECT num FROM endpoints WHERE owner = ?1)`,
    };
  }
  if (endpoint !== undefined) return { index: 'tasks_by_endpoint', condition };
  if (fn !== undefined) return { index: 'tasks_by_function', condition };
  if (state === undefined) return { index: 'tasks_listed', condition };
  return {
    index: 'tasks_ended',
    condition: `AND ended_at IS NOT NULL ${condition}`,
  };
}

export const tasks = {
  getTask(ctx, { owner, id, now }) {
    return readRecord(ctx, findTask(ctx, ctx.owner(owner), id).num, now);
  },

  listTasks(ctx, { owner, limit, cursor, now, state, function: fn, endpoint }) {
    const { index, condition } = listIndex(state, endpoint, fn);
    const params: (string | number)[] = [
      ctx.owner(owner),
      cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeCursor(cursor),
    ];
    let filters = '';
    if (endpoint !== undefined) {
      filters += ' AND endpoint = (SELECT num FROM endpoints WHERE id = ?)';
      params.push(endpoint);
    }
    if (fn !== undefined) {
      filters += ' AND function = (SELECT num FROM functions WHERE id = ?)';
      params.push(fn);
    }
    const rows = ctx.all<TaskRecordRow>(
      `${SELECT_TASK_RECORD} WHERE num IN (
         SELECT num FROM tasks INDEXED BY ${index} WHERE owner = ?1 AND num < ?2 ${condition} ${filters}
         ORDER BY num DESC LIMIT +?
       ) ORDER BY num DESC`,
      ...params,
      limit + 1,
    );
    const queues = new Queues(ctx, now);
    return toPage(rows, limit, row => toTaskRecord(ctx, row, queues));
  },

  cancel(ctx, { owner, id, now }) {
    const row = findTask(ctx, ctx.owner(owner), id);
    if (step(ctx, row, { type: 'cancel' }, now, 'Somebody cancelled it.')) {
      if (row.state === 'cancelled') {
        setError(row, { code: 'task-cancelled', message: 'The task was cancelled before it started.' });
      }
      // A task that was put back may still be with the agent of its last attempt.
      if (row.attempt > 0)
        ctx.noteCancel({ endpoint: endpointId(ctx, row.endpoint), task: row.id, attempt: row.attempt });
      saveTask(ctx, row);
    } else if (isTerminal(row.state) && row.state !== 'cancelled') {
      throw new RunaboutError('task-ended', `Task ${id} has ended already: ${row.state}.`);
    }
    return readRecord(ctx, row.num, now);
  },

  history(ctx, { owner, id }) {
    const { num } = findTask(ctx, ctx.owner(owner), id);
    return readSteps(ctx.get<{ steps: string }>('SELECT steps FROM tasks WHERE num = ?', num)!.steps);
  },

  result(ctx, { owner, id }) {
    const row = findTask(ctx, ctx.owner(owner), id);
    if (!isTerminal(row.state)) {
      throw new RunaboutError('task-not-ended', `Task ${id} has not ended yet: it is ${row.state}.`, {
        hint: `Wait for it: GET /v1/tasks/${id}/wait.`,
      });
    }
    const outcome = ctx.get<OutcomeRow>(`${SELECT_OUTCOME} WHERE num = ?`, row.num)!;
    const value: StoredValue | undefined =
      outcome.value_type === null
        ? undefined
        : toValue({
            type: outcome.value_type,
            size: outcome.value_size!,
            bytes: outcome.outcome_bytes,
            blob: outcome.outcome_blob,
          });
    return {
      task: row.id,
      attempt: outcome.attempt,
      state: row.state,
      ...(value ? { value } : {}),
      ...(outcome.outcome_error === null ? {} : { error: JSON.parse(outcome.outcome_error) }),
      ...(outcome.timings === null ? {} : { timings: JSON.parse(outcome.timings) }),
    };
  },

  output(ctx, { owner, id, from }) {
    const { num } = findTask(ctx, ctx.owner(owner), id);
    const tail = ctx.get<{ attempt: number; dropped: number }>(
      'SELECT attempt, dropped FROM output_tails WHERE task = ?',
      num,
    );
    if (!tail) return { chunks: [], droppedBytes: 0 };
    const rows = ctx.all<{
      seq: number;
      at: number;
      stream: OutputChunk['stream'];
      type: ContentType | null;
      bytes: Uint8Array;
    }>('SELECT seq, at, stream, type, bytes FROM output WHERE task = ? AND seq >= ? ORDER BY seq', num, from);
    return {
      chunks: rows.map(row => toChunk({ ...row, attempt: tail.attempt })),
      droppedBytes: tail.dropped,
    };
  },
} satisfies VerbGroup<'getTask' | 'listTasks' | 'cancel' | 'history' | 'result' | 'output'>;

function toChunk(row: {
  attempt: number;
  seq: number;
  at: number;
  stream: OutputChunk['stream'];
  type: ContentType | null;
  bytes: Uint8Array;
}): OutputChunk {
  const { attempt, seq, at, stream } = row;
  return row.type === null
    ? { attempt, seq, at, stream, text: Buffer.from(row.bytes).toString('utf8') }
    : { attempt, seq, at, stream, value: toJsonPayload({ type: row.type, bytes: row.bytes }) };
}
