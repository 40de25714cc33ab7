import type { SessionRef } from '../../contract.ts';
import { endpointName } from '../constants.ts';
import type { Context } from '../context.ts';
import { IS_LIVE, SELECT_TASK, type TaskRow } from '../transitions.ts';
import { endExpired, endTasksOfDeleted, loseAttempt } from './endings.ts';
import type { VerbGroup } from './principals.ts';
import { setOffline } from './sessions.ts';

export const sweep = {
  recover(ctx, { now, leaseMs }) {
    const connected = ctx.all<{ num: number; owner: number }>(
      "SELECT num, owner FROM endpoints WHERE state = 'online'",
    );
    for (const endpoint of connected) setOffline(ctx, endpoint, now);
    ctx.run(
      'UPDATE endpoints SET lapsed = 0, lease_until = MAX(lease_until, ?) WHERE lease_until IS NOT NULL AND deleted = 0',
      now + leaseMs,
    );
    shortenPauses(ctx, now);
    return null;
  },

  setBack(ctx, { now, leaseMs }) {
    ctx.run('UPDATE endpoints SET lease_until = ?1 WHERE lease_until > ?1', now + leaseMs);
    shortenPauses(ctx, now);
    return null;
  },

  sweep(ctx, { now, limit }) {
    const expired = endExpired(ctx, now, limit);
    const orphaned = endTasksOfDeleted(ctx, now, limit);

    // Reclaim first: a lease marked in this sweep is taken back in the next one, if its agent was not heard until then.
    const lost = ctx.all<TaskRow>(
      `${SELECT_TASK} JOIN endpoints e ON e.num = t.endpoint
       WHERE t.endpoint IN (SELECT num FROM endpoints WHERE lapsed = 1 AND live > 0 AND lease_until < ?) AND ${IS_LIVE}
         AND (t.max_attempts > 1 OR t.state = 'cancelling' OR e.lease_until < ?)
       LIMIT +?`,
      now,
      now - ctx.policy.lossGraceMs,
      limit,
    );
    for (const row of lost) {
      loseAttempt(ctx, row, now, `Endpoint ${endpointName(ctx, row.endpoint).name} was not heard of any more.`);
    }

    const lapsed = ctx.all<SessionRef & { num: number; owner: number }>(
      `SELECT num, owner, id AS endpoint, epoch FROM endpoints
       WHERE lapsed = 0 AND deleted = 0 AND lease_until < ? AND (live > 0 OR state = 'online')`,
      now,
    );
    for (const endpoint of lapsed) {
      ctx.run('UPDATE endpoints SET lapsed = 1 WHERE num = ?', endpoint.num);
      setOffline(ctx, endpoint, now);
    }
    return {
      lapsed: lapsed.map(({ endpoint, epoch }) => ({ endpoint, epoch })),
      more: [expired, orphaned, lost.length].some(count => count >= limit),
    };
  },
} satisfies VerbGroup<'recover' | 'setBack' | 'sweep'>;

/** Ends the pauses that are longer than any can be: the clock was set back since they began. */
function shortenPauses(ctx: Context, now: number): void {
  const longest = now + ctx.policy.retryMostMs;
  const endpoints = ctx.all<{ num: number; id: string }>(
    `SELECT num, id FROM endpoints WHERE num IN (
       SELECT endpoint FROM tasks WHERE state = 'queued' AND not_before > 0 AND not_before > ?)`,
    longest,
  );
  for (const { num, id } of endpoints) {
    ctx.run(
      "UPDATE tasks SET not_before = ? WHERE endpoint = ? AND state = 'queued' AND not_before > 0 AND not_before > ?",
      now,
      num,
      longest,
    );
    ctx.noteReady(id);
    // A commit is told only when something changed that clients see.
    ctx.count(num, 0, 0);
  }
}
