import { RunaboutError } from '../../../../protocol/errors/error.ts';
import { type Context, decodeCursor, notFound, orNull, toPage } from '../context.ts';
import { type EndpointRow, SELECT_ENDPOINT, toEndpointRecord } from '../records.ts';
import { endTasksOfDeleted } from './endings.ts';
import { noteDeletion } from './functions.ts';
import type { VerbGroup } from './principals.ts';

function findEndpoint(ctx: Context, owner: number, id: string): EndpointRow {
  const row = ctx.get<EndpointRow>(`${SELECT_ENDPOINT} WHERE e.id = ? AND e.owner = ? AND e.deleted = 0`, id, owner);
  if (!row) throw notFound('endpoint', id);
  return row;
}

function setToken(ctx: Context, owner: number, endpoint: number, tokenHash: string): void {
  ctx.run('DELETE FROM tokens WHERE endpoint = ?', endpoint);
  ctx.run('INSERT INTO tokens (hash, principal, endpoint) VALUES (?, ?, ?)', tokenHash, owner, endpoint);
}

export const endpoints = {
  createEndpoint(ctx, { owner: ownerId, id, name, description, tokenHash, now }) {
    const owner = ctx.owner(ownerId);
    if (ctx.get('SELECT 1 FROM endpoints WHERE owner = ? AND name = ? AND deleted = 0', owner, name)) {
      throw new RunaboutError('name-taken', `You have an endpoint ${name} already.`, {
        hint: 'Choose another name, or delete that endpoint.',
        path: 'name',
      });
    }
    const num = ctx.insert(
      'INSERT INTO endpoints (id, owner, name, description, created_at, state_at, seq) VALUES (?, ?, ?, ?, ?, ?, ?)',
      id,
      owner,
      name,
      orNull(description),
      now,
      now,
      ctx.nextSeq(owner),
    );
    setToken(ctx, owner, num, tokenHash);
    return toEndpointRecord(findEndpoint(ctx, owner, id));
  },

  renewEndpointToken(ctx, { owner: ownerId, id, tokenHash }) {
    const owner = ctx.owner(ownerId);
    const row = findEndpoint(ctx, owner, id);
    setToken(ctx, owner, row.num, tokenHash);
    return toEndpointRecord(row);
  },

  listEndpoints(ctx, { owner, limit, cursor, name }) {
    const rows = ctx.all<EndpointRow>(
      `${SELECT_ENDPOINT} WHERE e.owner = ? AND e.deleted = 0 AND e.num < ? ${name === undefined ? '' : 'AND e.name = ?'}
       ORDER BY e.num DESC LIMIT +?`,
      ctx.owner(owner),
      cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeCursor(cursor),
      ...(name === undefined ? [] : [name]),
      limit + 1,
    );
    return toPage(rows, limit, toEndpointRecord);
  },

  getEndpoint(ctx, { owner, id }) {
    return toEndpointRecord(findEndpoint(ctx, ctx.owner(owner), id));
  },

  deleteEndpoint(ctx, { owner: ownerId, id, now }) {
    const owner = ctx.owner(ownerId);
    const { num } = findEndpoint(ctx, owner, id);
    ctx.run(
      "UPDATE endpoints SET deleted = 1, state = 'offline', state_at = ?, session = NULL, epoch = epoch + 1 WHERE num = ?",
      now,
      num,
    );
    ctx.run('DELETE FROM tokens WHERE endpoint = ?', num);
    ctx.run('DELETE FROM blob_readers WHERE reader = ?', id);
    endTasksOfDeleted(ctx, now, 1000);
    noteDeletion(ctx, owner, 'endpoint', id);
    return null;
  },
} satisfies VerbGroup<'createEndpoint' | 'renewEndpointToken' | 'listEndpoints' | 'getEndpoint' | 'deleteEndpoint'>;
