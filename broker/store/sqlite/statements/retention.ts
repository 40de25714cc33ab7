import type { Context } from '../context.ts';
import type { VerbGroup } from './principals.ts';

/** What belongs to a task, beside its row. */
const BELONGINGS = ['arguments', 'idempotency', 'output', 'output_tails'] as const;

export const retention = {
  purge(ctx, { now, limit }) {
    const over = ctx.all<{ num: number; owner: number; seq: number }>(
      `SELECT num, owner, seq FROM tasks INDEXED BY tasks_over
       WHERE ended_at IS NOT NULL AND ended_at <= ? ORDER BY ended_at LIMIT +?`,
      now - ctx.policy.retentionMs,
      limit,
    );
    if (over.length > 0) {
      const nums = JSON.stringify(over.map(({ num }) => num));
      for (const table of BELONGINGS) {
        ctx.run(`DELETE FROM ${table} WHERE task IN (SELECT value FROM json_each(?))`, nums);
      }
      ctx.run('DELETE FROM tasks WHERE num IN (SELECT value FROM json_each(?))', nums);
      raiseFloors(ctx, over);
    }
    const room = limit - over.length;
    const more = room === 0 || purgeDeleted(ctx, room) === room;
    return { tasks: over.length, more };
  },
} satisfies VerbGroup<'purge'>;

/** Who has not seen the last event of a purged task can not resume: it would go on showing the task as it was. */
function raiseFloors(ctx: Context, purged: readonly { owner: number; seq: number }[]): void {
  const floors = new Map<number, number>();
  for (const { owner, seq } of purged) floors.set(owner, Math.max(seq, floors.get(owner) ?? 0));
  for (const [owner, floor] of floors) {
    ctx.run('UPDATE principals SET floor = MAX(floor, ?) WHERE num = ?', floor, owner);
  }
}

/** Deletes up to `limit` deleted functions, with their versions, and endpoints that no task names. Returns how many. */
function purgeDeleted(ctx: Context, limit: number): number {
  const functions = ctx.all<{ num: number }>(
    `SELECT num FROM functions AS f WHERE deleted = 1 AND NOT EXISTS (SELECT 1 FROM tasks WHERE function = f.num) LIMIT +?`,
    limit,
  );
  for (const { num } of functions) {
    ctx.run('DELETE FROM versions WHERE function = ?', num);
    ctx.run('DELETE FROM functions WHERE num = ?', num);
  }
  const endpoints = ctx.run(
    `DELETE FROM endpoints WHERE num IN (
       SELECT num FROM endpoints AS e WHERE deleted = 1 AND NOT EXISTS (SELECT 1 FROM tasks WHERE endpoint = e.num) LIMIT +?
     )`,
    limit - functions.length,
  );
  // The keys of deleted rows are given out anew.
  if (functions.length + endpoints > 0) ctx.forgetConstants();
  return functions.length + endpoints;
}
