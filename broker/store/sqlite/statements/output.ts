import { limits } from '../../../../protocol/limits.ts';
import { principalName } from '../constants.ts';
import { type Context, orNull } from '../context.ts';
import type { TaskRow } from '../transitions.ts';
import { currentAttempt } from './claims.ts';
import type { VerbGroup } from './principals.ts';
import { currentSession } from './sessions.ts';

/** What a chunk costs besides its bytes, so that many tiny chunks are bounded too. */
const CHUNK_COST = 64;
/** The tail is cut when it is over its cap by this much, not with every chunk. */
const SLACK = limits.outputTail / 4;

interface Tail {
  row: TaskRow;
  owner: string;
  kept: number;
  dropped: number;
}

export const output = {
  appendOutput(ctx, { chunks, ...ref }) {
    const endpoint = currentSession(ctx, ref);
    if (!endpoint) return 'superseded';
    const tails = new Map<string, Tail | null>();
    const owners = chunks.map(chunk => {
      const key = `${chunk.task} ${chunk.attempt}`;
      let tail = tails.get(key);
      if (tail === undefined) {
        tail = openTail(ctx, endpoint.num, chunk.task, chunk.attempt);
        tails.set(key, tail);
      }
      if (!tail) return null;
      if (chunk.bytes.length > limits.inlinePayload) {
        tail.dropped += chunk.bytes.length;
        return null;
      }
      const inserted = ctx.run(
        'INSERT OR IGNORE INTO output (task, seq, at, stream, type, bytes) VALUES (?, ?, ?, ?, ?, ?)',
        tail.row.num,
        chunk.seq,
        chunk.at,
        chunk.stream,
        orNull(chunk.type),
        chunk.bytes,
      );
      if (inserted === 0) return null;
      tail.kept += chunk.bytes.length + CHUNK_COST;
      return tail.owner;
    });
    for (const tail of tails.values()) if (tail) closeTail(ctx, tail);
    return owners;
  },
} satisfies VerbGroup<'appendOutput'>;

/** The tail of a live attempt; what an earlier attempt printed goes. */
function openTail(ctx: Context, endpoint: number, task: string, attempt: number): Tail | null {
  const row = currentAttempt(ctx, endpoint, task, attempt);
  if (!row || !['leased', 'running', 'cancelling'].includes(row.state)) return null;
  const owner = principalName(ctx, row.owner).id;
  const stored = ctx.get<{ attempt: number; kept: number; dropped: number }>(
    'SELECT attempt, kept, dropped FROM output_tails WHERE task = ?',
    row.num,
  );
  if (stored?.attempt === attempt) return { row, owner, kept: stored.kept, dropped: stored.dropped };
  ctx.run('DELETE FROM output WHERE task = ?', row.num);
  return { row, owner, kept: 0, dropped: 0 };
}

function closeTail(ctx: Context, tail: Tail): void {
  if (tail.kept > limits.outputTail + SLACK) {
    const oldest = ctx.all<{ num: number; length: number }>(
      'SELECT num, LENGTH(bytes) AS length FROM output WHERE task = ? ORDER BY seq',
      tail.row.num,
    );
    for (const { num, length } of oldest) {
      if (tail.kept <= limits.outputTail) break;
      ctx.run('DELETE FROM output WHERE num = ?', num);
      tail.kept -= length + CHUNK_COST;
      tail.dropped += length;
    }
  }
  ctx.run(
    'INSERT OR REPLACE INTO output_tails (task, attempt, kept, dropped) VALUES (?, ?, ?, ?)',
    tail.row.num,
    tail.row.attempt,
    tail.kept,
    tail.dropped,
  );
}
