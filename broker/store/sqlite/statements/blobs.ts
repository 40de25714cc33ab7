import type { Context } from '../context.ts';
import type { VerbGroup } from './principals.ts';

/** Everything that may refer to a blob, and its age. */
const IS_UNUSED = `(b.used_at <= ?
  AND NOT EXISTS (SELECT 1 FROM versions WHERE digest = b.digest)
  AND NOT EXISTS (SELECT 1 FROM versions WHERE map_digest = b.digest)
  AND NOT EXISTS (SELECT 1 FROM arguments WHERE blob = b.digest)
  AND NOT EXISTS (SELECT 1 FROM tasks WHERE outcome_blob = b.digest))`;

/** Lets a principal or an endpoint read a blob. */
export function allowBlob(ctx: Context, digest: string, reader: string): void {
  ctx.run('INSERT OR IGNORE INTO blob_readers (digest, reader) VALUES (?, ?)', digest, reader);
}

export const blobs = {
  addBlob(ctx, { digest, size, holder, now }) {
    ctx.run(
      `INSERT INTO blobs (digest, size, used_at) VALUES (?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET used_at = MAX(used_at, excluded.used_at)`,
      digest,
      size,
      now,
    );
    allowBlob(ctx, digest, holder);
    return null;
  },

  findBlob(ctx, { digest, holder, now }) {
    const row = ctx.get<{ size: number; used_at: number }>(
      'SELECT b.size, b.used_at FROM blobs b JOIN blob_readers r ON r.digest = b.digest WHERE b.digest = ? AND r.reader = ?',
      digest,
      holder,
    );
    if (!row) return null;
    // Not with each reading: of a bundle that every task loads, now and then is enough.
    if (now - row.used_at > ctx.policy.uploadGraceMs / 4) {
      ctx.run('UPDATE blobs SET used_at = ? WHERE digest = ?', now, digest);
    }
    return row.size;
  },

  knownBlobs(ctx, { digests }) {
    return digests.filter(digest => ctx.get('SELECT 1 FROM blobs WHERE digest = ?', digest));
  },

  unusedBlobs(ctx, { now, after, limit }) {
    const rows = ctx.all<{ digest: string; unused: number }>(
      `SELECT digest, ${IS_UNUSED} AS unused FROM blobs b WHERE digest > ? ORDER BY digest LIMIT +?`,
      now - ctx.policy.uploadGraceMs,
      after,
      limit,
    );
    return {
      digests: rows.filter(({ unused }) => unused === 1).map(({ digest }) => digest),
      ...(rows.length < limit ? {} : { next: rows.at(-1)!.digest }),
    };
  },

  forgetBlob(ctx, { digest, now }) {
    const forgotten = ctx.run(
      `DELETE FROM blobs AS b WHERE ${IS_UNUSED} AND digest = ?`,
      now - ctx.policy.uploadGraceMs,
      digest,
    );
    if (forgotten === 1) ctx.run('DELETE FROM blob_readers WHERE digest = ?', digest);
    return forgotten === 1;
  },
} satisfies VerbGroup<'addBlob' | 'findBlob' | 'knownBlobs' | 'unusedBlobs' | 'forgetBlob'>;
