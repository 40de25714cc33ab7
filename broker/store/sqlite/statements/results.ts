import { isTerminal } from '../../../../protocol/tasks/states.ts';
import type { EndAnswer, EndedAttempt } from '../../contract.ts';
import { principalName } from '../constants.ts';
import type { Context } from '../context.ts';
import { saveTask, step, type TaskRow } from '../transitions.ts';
import { allowBlob } from './blobs.ts';
import { currentAttempt, startAttempt } from './claims.ts';
import { loseAttempt, type OutcomeRow, SELECT_OUTCOME, setError } from './endings.ts';
import type { VerbGroup } from './principals.ts';
import { currentSession, type SessionRow } from './sessions.ts';

export const results = {
  complete(ctx, { endpoint: id, epoch, now, results }) {
    const endpoint = currentSession(ctx, { endpoint: id, epoch });
    if (!endpoint) return 'superseded';
    return results.map(result => completeOne(ctx, endpoint, id, result, now));
  },

  lose(ctx, { now, attempts, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return false;
    for (const { task, attempt, reason, workerDied } of attempts) {
      const row = currentAttempt(ctx, endpoint.num, task, attempt);
      if (!row) continue;
      if (workerDied) row.worker_deaths += 1;
      if (row.worker_deaths >= ctx.policy.poisonDeaths && endAsPoison(ctx, row, now, reason)) continue;
      loseAttempt(ctx, row, now, reason);
    }
    return true;
  },
} satisfies VerbGroup<'complete' | 'lose'>;

function completeOne(
  ctx: Context,
  endpoint: SessionRow,
  endpointId: string,
  result: EndedAttempt,
  now: number,
): EndAnswer {
  const row = currentAttempt(ctx, endpoint.num, result.task, result.attempt);
  if (!row) return waitsForNext(ctx, endpoint.num, result) ? 'queued' : 'stale';
  if (isTerminal(row.state)) return isSameEnd(ctx, row, result) ? 'confirm' : 'stale';
  const blob = result.value && 'blob' in result.value ? result.value.blob : null;
  if (blob !== null) {
    if (!ctx.get('SELECT 1 FROM blob_readers WHERE digest = ? AND reader = ?', blob, endpointId)) return 'blob-unknown';
    allowBlob(ctx, blob, principalName(ctx, row.owner).id);
  }
  if (result.startedAt !== undefined) startAttempt(ctx, row, result.startedAt, now);

  if (result.outcome === 'cancelled') {
    if (!step(ctx, row, { type: 'stopped' }, now)) {
      // Nobody here asked for that: the agent has its own reasons, and the attempt is gone.
      if (row.state === 'queued') return 'stale';
      loseAttempt(ctx, row, now, 'The agent stopped it.');
      return 'confirm';
    }
  } else {
    step(ctx, row, { type: 'result', outcome: result.outcome }, now);
  }
  row.timings = JSON.stringify(result.timings);
  if (result.outcome === 'succeeded' && result.value) {
    row.value_type = result.value.type;
    row.value_size = result.value.size;
    if ('bytes' in result.value) row.outcome_bytes = result.value.bytes;
    else row.outcome_blob = result.value.blob;
  } else {
    setError(row, errorOf(result));
  }
  saveTask(ctx, row);
  return 'confirm';
}

/** Whether the next attempt, which goes to this endpoint, can have this result for its own. */
function waitsForNext(ctx: Context, endpoint: number, { task, attempt, outcome }: EndedAttempt): boolean {
  const row = ctx.get<{ attempt: number }>(
    "SELECT attempt FROM tasks WHERE id = ? AND endpoint = ? AND state = 'queued'",
    task,
    endpoint,
  );
  return row !== undefined && attempt < row.attempt && outcome !== 'cancelled';
}

/** Whether a task that ended already has exactly this end: the agent did not hear the confirmation. */
function isSameEnd(ctx: Context, row: TaskRow, result: EndedAttempt): boolean {
  if (row.state !== result.outcome) return false;
  const stored = ctx.get<OutcomeRow>(`${SELECT_OUTCOME} WHERE num = ?`, row.num);
  if (!stored) return false;
  const { value } = result;
  if (row.state !== 'succeeded' || !value) return stored.outcome_error === JSON.stringify(errorOf(result));
  if (stored.value_type !== value.type || stored.value_size !== value.size) return false;
  return 'blob' in value
    ? stored.outcome_blob === value.blob
    : Buffer.compare(stored.outcome_bytes ?? new Uint8Array(0), value.bytes) === 0;
}

/** Why it did not succeed; of a cancelled one, the agent need not say. */
const errorOf = ({ error }: EndedAttempt) => error ?? { code: 'task-cancelled', message: 'The task was cancelled.' };

function endAsPoison(ctx: Context, row: TaskRow, now: number, reason: string): boolean {
  if (row.state !== 'leased' && row.state !== 'running') return false;
  step(ctx, row, { type: 'result', outcome: 'failed' }, now, 'It brought down every worker that ran it.');
  setError(row, {
    code: 'task-poison',
    message: `The task brought down ${row.worker_deaths} workers that ran it. The last time: ${reason}`,
    hint: 'Look at its output and its memory use before you run it again.',
  });
  saveTask(ctx, row);
  return true;
}
