import type { Context } from '../context.ts';
import type { VerbGroup } from './principals.ts';

/** Lets a principal or an endpoint read a blob. */
export function allowBlob(ctx: Context, digest: string, reader: string): void {
  ctx.run('INSERT OR IGNORE INTO blob_readers (digest, reader) VALUES (?, ?)', digest, reader);
}

export const blobs = {
  addBlob(ctx, { digest, size, holder, now }) {
    ctx.run('INSERT OR IGNORE INTO blobs (digest, size, created_at) VALUES (?, ?, ?)', digest, size, now);
    allowBlob(ctx, digest, holder);
    return null;
  },

  findBlob(ctx, { digest, holder }) {
    const row = ctx.get<{ size: number }>(
      'SELECT b.size FROM blobs b JOIN blob_readers r ON r.digest = b.digest WHERE b.digest = ? AND r.reader = ?',
      digest,
      holder,
    );
    return row?.size ?? null;
  },
} satisfies VerbGroup<'addBlob' | 'findBlob'>;
