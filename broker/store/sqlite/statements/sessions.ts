import { RunaboutError } from '../../../../protocol/errors/error.ts';
import { type Dispatch, dispatchBytes, type Reconciliation, type SessionRef } from '../../contract.ts';
import { type Context, orNull } from '../context.ts';
import { IS_LIVE, isLive, SELECT_TASK, saveTask, step, type TaskRow } from '../transitions.ts';
import { currentAttempt, type DispatchRow, SELECT_DISPATCH, toDispatch } from './claims.ts';
import { loseAttempt } from './endings.ts';
import type { VerbGroup } from './principals.ts';

export interface SessionRow {
  num: number;
  owner: number;
  name: string;
}

/** The endpoint of a session, unless another session took it over or it was deleted. */
export function currentSession(ctx: Context, { endpoint, epoch }: SessionRef): SessionRow | undefined {
  return ctx.get<SessionRow>(
    'SELECT num, owner, name FROM endpoints WHERE id = ? AND epoch = ? AND deleted = 0',
    endpoint,
    epoch,
  );
}

export const sessions = {
  openSession(ctx, { endpoint: id, tokenHash, session, now, leaseMs, host, workers }) {
    const endpoint = ctx.get<SessionRow & { epoch: number }>(
      `SELECT num, owner, name, epoch FROM endpoints
       WHERE id = ? AND num = (SELECT endpoint FROM tokens WHERE hash = ?)`,
      id,
      tokenHash,
    );
    if (!endpoint) throw new RunaboutError('token-invalid', 'The token was revoked.');
    const epoch = endpoint.epoch + 1;
    ctx.run(
      `UPDATE endpoints SET epoch = ?, session = ?, lease_until = ?, lapsed = 0, host = ?, workers = ?, problem = NULL,
         state_at = CASE state WHEN 'online' THEN state_at ELSE ? END, state = 'online', seq = ?
       WHERE num = ?`,
      epoch,
      session,
      now + leaseMs,
      JSON.stringify(host),
      JSON.stringify(workers),
      now,
      ctx.nextSeq(endpoint.owner),
      endpoint.num,
    );
    ctx.noteReady(id);
    return { epoch };
  },

  reconcile(ctx, { now, have, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    return endpoint ? reconcile(ctx, endpoint.num, have, now) : 'superseded';
  },

  held(ctx, { after, limit, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return 'superseded';
    const rows = ctx.all<{ num: number; task: string; attempt: number }>(
      `SELECT t.num, t.id AS task, t.attempt FROM tasks t WHERE t.endpoint = ? AND t.num > ? AND ${IS_LIVE}
       ORDER BY t.num LIMIT +?`,
      endpoint.num,
      after,
      limit,
    );
    const attempts = rows.map(({ task, attempt }) => ({ task, attempt }));
    return rows.length < limit ? { attempts } : { attempts, next: rows.at(-1)!.num };
  },

  reclaim(ctx, { now, attempts, room = Number.POSITIVE_INFINITY, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return 'superseded';
    const resend: Dispatch[] = [];
    let left = room;
    for (const { task, attempt } of attempts) {
      const row = currentAttempt(ctx, endpoint.num, task, attempt);
      if (row?.state === 'leased' && left > 0) {
        const dispatch = toDispatch(ctx, ctx.get<DispatchRow>(`${SELECT_DISPATCH} WHERE t.num = ?`, row.num)!, attempt);
        left -= dispatchBytes(dispatch);
        resend.push(dispatch);
      } else if (row?.state === 'leased') {
        row.tries -= 1;
        loseAttempt(ctx, row, now, 'The agent came back without it.', false);
      } else if (row && isLive(row.state)) {
        loseAttempt(ctx, row, now, 'The agent came back without it.');
      }
    }
    return resend;
  },

  beat(ctx, { endpoint, epoch, now, leaseMs }) {
    return (
      ctx.run(
        'UPDATE endpoints SET lease_until = ?, lapsed = 0 WHERE id = ? AND epoch = ? AND deleted = 0',
        now + leaseMs,
        endpoint,
        epoch,
      ) === 1
    );
  },

  setStatus(ctx, { workers, problem, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return false;
    ctx.run(
      'UPDATE endpoints SET workers = ?, problem = ?, seq = ? WHERE num = ?',
      JSON.stringify(workers),
      orNull(problem),
      ctx.nextSeq(endpoint.owner),
      endpoint.num,
    );
    return true;
  },

  release(ctx, { now, limit, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return 'superseded';
    const rows = ctx.all<TaskRow>(`${SELECT_TASK} WHERE t.endpoint = ? AND ${IS_LIVE} LIMIT +?`, endpoint.num, limit);
    for (const row of rows) {
      // What did not start yet did not use up an attempt.
      if (row.state === 'leased') row.tries -= 1;
      loseAttempt(ctx, row, now, `The agent of ${endpoint.name} stopped.`, false);
    }
    if (rows.length === limit) return { more: true };
    ctx.run('UPDATE endpoints SET lease_until = NULL, session = NULL WHERE num = ?', endpoint.num);
    setOffline(ctx, endpoint, now);
    return { more: false };
  },

  closeSession(ctx, { now, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return false;
    setOffline(ctx, endpoint, now);
    return true;
  },
} satisfies VerbGroup<
  'openSession' | 'reconcile' | 'held' | 'reclaim' | 'beat' | 'setStatus' | 'release' | 'closeSession'
>;

/** Nobody serves the endpoint now; what its last session leased stays leased until the lease is over. */
export function setOffline(ctx: Context, endpoint: { num: number; owner: number }, now: number): void {
  ctx.run(
    "UPDATE endpoints SET state = 'offline', state_at = ?, seq = ? WHERE num = ? AND state = 'online'",
    now,
    ctx.nextSeq(endpoint.owner),
    endpoint.num,
  );
}

/**
 * Compares what the agent has with what it should have. What the agent lacks is for {@link sessions.reclaim}.
 *
 * | broker           | agent has                | then                                                        |
 * | ---------------- | ------------------------ | ----------------------------------------------------------- |
 * | live             | the same attempt         | keep                                                        |
 * | live             | an older attempt         | keep, and send the current one: the agent adopts it         |
 * | leased           | nothing                  | send the same attempt again                                 |
 * | running          | nothing                  | its journal lost it: as a lost attempt                      |
 * | cancelling       | nothing                  | cancelled                                                   |
 * | queued           | a started attempt        | keep: the next claim adopts it; the result of the last counts |
 * | queued           | an accepted attempt      | drop: nobody would tell it that the task was cancelled or has expired |
 * | anything of its own | an ended attempt      | keep: it delivers the result, and hears `confirm` or `stale` |
 * | anything else    | accepted or started      | drop                                                        |
 */
function reconcile(
  ctx: Context,
  endpoint: number,
  have: readonly (readonly [string, number, 'accepted' | 'started' | 'ended'])[],
  now: number,
): Reconciliation {
  const answer: Reconciliation = { keep: [], drop: [], cancels: [] };
  for (const [id, attempt, phase] of have) {
    const row = ctx.get<TaskRow>(`${SELECT_TASK} WHERE t.id = ? AND t.endpoint = ?`, id, endpoint);
    const live = row !== undefined && isLive(row.state);
    const goesOn = row && attempt <= row.attempt && (live || (row.state === 'queued' && phase === 'started'));
    if (!row || (phase !== 'ended' && !goesOn)) {
      answer.drop.push([id, attempt]);
      continue;
    }
    answer.keep.push([id, attempt]);
    if (!live || attempt !== row.attempt) continue;
    if (phase === 'started' && step(ctx, row, { type: 'start' }, now)) saveTask(ctx, row);
    if (row.state === 'cancelling' && phase !== 'ended') answer.cancels.push({ task: id, attempt });
  }
  return answer;
}
