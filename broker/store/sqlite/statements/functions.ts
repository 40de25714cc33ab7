import { RunaboutError } from '../../../../protocol/errors/error.ts';
import { type Context, decodeCursor, notFound, orNull, toPage } from '../context.ts';
import { type FunctionRow, SELECT_FUNCTION, toFunctionRecord, toVersion, type VersionRow } from '../records.ts';
import type { VerbGroup } from './principals.ts';

const SELECT_VERSION = 'SELECT num, version, digest, size, created_at, details FROM versions';

function findFunction(ctx: Context, owner: number, id: string): FunctionRow {
  const row = ctx.get<FunctionRow>(`${SELECT_FUNCTION} WHERE f.id = ? AND f.owner = ? AND f.deleted = 0`, id, owner);
  if (!row) throw notFound('function', id);
  return row;
}

/** The size of a blob this principal uploaded, or may read otherwise. */
function blobSize(ctx: Context, digest: string, reader: string, path: string): number {
  const row = ctx.get<{ size: number }>(
    'SELECT b.size FROM blobs b JOIN blob_readers r ON r.digest = b.digest WHERE b.digest = ? AND r.reader = ?',
    digest,
    reader,
  );
  if (row) return row.size;
  throw new RunaboutError('bundle-unknown', `The broker has no bundle ${digest} of yours.`, {
    hint: `Upload it first: PUT /v1/bundles/${digest}.`,
    path,
  });
}

export const functions = {
  registerFunction(ctx, { owner: ownerId, id, name, digest, details, now }) {
    const owner = ctx.owner(ownerId);
    const size = blobSize(ctx, digest, ownerId, 'digest');
    if (details.mapDigest) blobSize(ctx, details.mapDigest, ownerId, 'details.mapDigest');

    const found = ctx.get<FunctionRow>(
      `${SELECT_FUNCTION} WHERE f.owner = ? AND f.name = ? AND f.deleted = 0`,
      owner,
      name,
    );
    if (found?.digest === digest) {
      return { function: toFunctionRecord(found), version: toVersion(found), created: false };
    }
    const seq = ctx.nextSeq(owner);
    const num =
      found?.num ??
      ctx.insert(
        'INSERT INTO functions (id, owner, name, created_at, seq) VALUES (?, ?, ?, ?, ?)',
        id,
        owner,
        name,
        now,
        seq,
      );
    const version = ctx.insert(
      `INSERT INTO versions (function, version, digest, size, kind, details, map_digest, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      num,
      (found?.version ?? 0) + 1,
      digest,
      size,
      details.kind,
      JSON.stringify(details),
      orNull(details.mapDigest),
      now,
    );
    ctx.run('UPDATE functions SET latest = ?, seq = ? WHERE num = ?', version, seq, num);
    const row = ctx.get<FunctionRow>(`${SELECT_FUNCTION} WHERE f.num = ?`, num)!;
    return { function: toFunctionRecord(row), version: toVersion(row), created: true };
  },

  listFunctions(ctx, { owner, limit, cursor, name, search }) {
    const conditions = ['f.owner = ?', 'f.deleted = 0'];
    const params: (string | number)[] = [ctx.owner(owner)];
    if (cursor !== undefined) {
      conditions.push('f.num < ?');
      params.push(decodeCursor(cursor));
    }
    if (name !== undefined) {
      conditions.push('f.name = ?');
      params.push(name);
    }
    for (const word of search?.split(/\s+/).filter(Boolean).slice(0, 8) ?? []) {
      // Any part of the word counts as found; `\` keeps % and _ what they are.
      const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`;
      conditions.push(`(f.name LIKE ? ESCAPE '\\' OR v.details ->> 'description' LIKE ? ESCAPE '\\')`);
      params.push(pattern, pattern);
    }
    const rows = ctx.all<FunctionRow>(
      `${SELECT_FUNCTION} WHERE ${conditions.join(' AND ')} ORDER BY f.num DESC LIMIT +?`,
      ...params,
      limit + 1,
    );
    return toPage(rows, limit, toFunctionRecord);
  },

  getFunction(ctx, { owner, id }) {
    return toFunctionRecord(findFunction(ctx, ctx.owner(owner), id));
  },

  listVersions(ctx, { owner, id, limit, cursor }) {
    const { num } = findFunction(ctx, ctx.owner(owner), id);
    const rows = ctx.all<VersionRow>(
      `${SELECT_VERSION} WHERE function = ? AND num < ? ORDER BY num DESC LIMIT +?`,
      num,
      cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeCursor(cursor),
      limit + 1,
    );
    return toPage(rows, limit, toVersion);
  },

  deleteFunction(ctx, { owner: ownerId, id }) {
    const owner = ctx.owner(ownerId);
    const { num } = findFunction(ctx, owner, id);
    ctx.run('UPDATE functions SET deleted = 1 WHERE num = ?', num);
    noteDeletion(ctx, owner, 'function', id);
    return null;
  },
} satisfies VerbGroup<'registerFunction' | 'listFunctions' | 'getFunction' | 'listVersions' | 'deleteFunction'>;

/** The event of something deleted; those out of reach of a resume go. */
export function noteDeletion(ctx: Context, owner: number, kind: 'function' | 'endpoint', id: string): void {
  const seq = ctx.nextSeq(owner);
  ctx.run('INSERT INTO deletions (owner, seq, kind, id) VALUES (?, ?, ?, ?)', owner, seq, kind, id);
  ctx.run('DELETE FROM deletions WHERE owner = ? AND seq <= ?', owner, seq - ctx.policy.eventsKept);
}
