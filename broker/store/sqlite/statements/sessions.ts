import { RunaboutError } from '../../../../protocol/errors/error.ts';
import type { OpenedSession, SessionRef } from '../../contract.ts';
import { type Context, orNull } from '../context.ts';
import { IS_LIVE, SELECT_TASK, saveTask, step, type TaskRow } from '../transitions.ts';
import { type DispatchRow, SELECT_DISPATCH, toDispatch } from './claims.ts';
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

/** Tasks in the hands of an endpoint's agent. */
const LIVE_OF_ENDPOINT = `${SELECT_TASK} WHERE t.endpoint = ? AND ${IS_LIVE}`;

export const sessions = {
  openSession(ctx, { endpoint: id, tokenHash, session, now, leaseMs, host, workers, have }) {
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
    return { epoch, ...reconcile(ctx, endpoint.num, have, now) };
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

  release(ctx, { now, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return false;
    for (const row of ctx.all<TaskRow>(LIVE_OF_ENDPOINT, endpoint.num)) {
      // What did not start yet did not use up an attempt.
      if (row.state === 'leased') row.tries -= 1;
      loseAttempt(ctx, row, now, `The agent of ${endpoint.name} stopped.`, false);
    }
    ctx.run('UPDATE endpoints SET lease_until = NULL, session = NULL WHERE num = ?', endpoint.num);
    setOffline(ctx, endpoint, now);
    return true;
  },

  closeSession(ctx, { now, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return false;
    setOffline(ctx, endpoint, now);
    return true;
  },
} satisfies VerbGroup<'openSession' | 'beat' | 'setStatus' | 'release' | 'closeSession'>;

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
 * Compares what the agent has with what it should have.
 *
 * | broker           | agent has                | then                                                        |
 * | ---------------- | ------------------------ | ----------------------------------------------------------- |
 * | live             | the same attempt         | keep                                                        |
 * | live             | an older attempt         | keep, and send the current one: the agent adopts it         |
 * | leased           | nothing                  | send the same attempt again                                 |
 * | running          | nothing                  | its journal lost it: as a lost attempt                      |
 * | cancelling       | nothing                  | cancelled                                                   |
 * | queued           | its last attempt         | keep: its result counts, or the next claim adopts it        |
 * | anything of its own | an ended attempt      | keep: it delivers the result, and hears `confirm` or `stale` |
 * | anything else    | accepted or started      | drop                                                        |
 */
function reconcile(
  ctx: Context,
  endpoint: number,
  have: readonly (readonly [string, number, 'accepted' | 'started' | 'ended'])[],
  now: number,
): Omit<OpenedSession, 'epoch'> {
  const opened: Omit<OpenedSession, 'epoch'> = { keep: [], drop: [], resend: [], cancels: [] };
  const current = new Set<string>();
  const resend = new Set<number>();

  for (const [id, attempt, phase] of have) {
    const row = ctx.get<TaskRow>(`${SELECT_TASK} WHERE t.id = ? AND t.endpoint = ?`, id, endpoint);
    const live = row?.state === 'leased' || row?.state === 'running' || row?.state === 'cancelling';
    const wanted =
      row && (phase === 'ended' || (live ? attempt <= row.attempt : row.state === 'queued' && attempt === row.attempt));
    if (!wanted) {
      opened.drop.push([id, attempt]);
      continue;
    }
    opened.keep.push([id, attempt]);
    if (!live || attempt !== row.attempt) continue;
    current.add(id);
    if (phase === 'started' && step(ctx, row, { type: 'start' }, now)) saveTask(ctx, row);
    if (row.state === 'cancelling' && phase !== 'ended') opened.cancels.push({ task: id, attempt });
  }

  for (const row of ctx.all<TaskRow>(LIVE_OF_ENDPOINT, endpoint)) {
    if (current.has(row.id)) continue;
    if (row.state === 'leased') resend.add(row.num);
    else loseAttempt(ctx, row, now, 'The agent came back without it.');
  }
  for (const num of resend) {
    const row = ctx.get<DispatchRow>(`${SELECT_DISPATCH} WHERE t.num = ?`, num)!;
    opened.resend.push(toDispatch(row, row.attempt));
  }
  return opened;
}
