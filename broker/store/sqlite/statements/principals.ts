import type { Principal } from '../../../../protocol/client-broker/principals.ts';
import { RunaboutError } from '../../../../protocol/errors/error.ts';
import type { StoreVerbs } from '../../contract.ts';
import type { Context } from '../context.ts';

interface PrincipalRow {
  num: number;
  id: string;
  kind: Principal['kind'];
  name: string;
  created_at: number;
}

const SELECT_PRINCIPAL = 'SELECT num, id, kind, name, created_at FROM principals';

const toPrincipal = (row: PrincipalRow): Principal => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  createdAt: row.created_at,
});

function insertPrincipal(ctx: Context, row: Omit<PrincipalRow, 'num'>, tokenHash: string): PrincipalRow {
  const num = ctx.insert(
    'INSERT INTO principals (id, kind, name, created_at) VALUES (?, ?, ?, ?)',
    row.id,
    row.kind,
    row.name,
    row.created_at,
  );
  ctx.run('INSERT INTO tokens (hash, principal) VALUES (?, ?)', tokenHash, num);
  return { num, ...row };
}

export const principals = {
  setOwner(ctx, { id, name, tokenHash, now }) {
    const owner = ctx.get<PrincipalRow>(`${SELECT_PRINCIPAL} WHERE kind = 'owner'`);
    if (!owner) return toPrincipal(insertPrincipal(ctx, { id, kind: 'owner', name, created_at: now }, tokenHash));
    ctx.run('DELETE FROM tokens WHERE principal = ? AND endpoint IS NULL', owner.num);
    ctx.run('INSERT INTO tokens (hash, principal) VALUES (?, ?)', tokenHash, owner.num);
    return toPrincipal(owner);
  },

  createUser(ctx, { id, name, tokenHash, now }) {
    if (ctx.get('SELECT 1 FROM principals WHERE name = ?', name)) {
      throw new RunaboutError('name-taken', `There is a user ${name} already.`, { path: 'name' });
    }
    return toPrincipal(insertPrincipal(ctx, { id, kind: 'user', name, created_at: now }, tokenHash));
  },

  findToken(ctx, { tokenHash }) {
    const row = ctx.get<PrincipalRow & { endpoint_id: string | null; endpoint_name: string; endpoint_created: number }>(
      `SELECT p.num, p.id, p.kind, p.name, p.created_at,
         e.id AS endpoint_id, e.name AS endpoint_name, e.created_at AS endpoint_created
       FROM tokens t JOIN principals p ON p.num = t.principal LEFT JOIN endpoints e ON e.num = t.endpoint
       WHERE t.hash = ?`,
      tokenHash,
    );
    if (!row) return null;
    if (row.endpoint_id === null) return { principal: toPrincipal(row), owner: row.id, tokenHash };
    const principal: Principal = {
      id: row.endpoint_id,
      kind: 'agent',
      name: row.endpoint_name,
      createdAt: row.endpoint_created,
    };
    return { principal, owner: row.id, tokenHash };
  },
} satisfies VerbGroup<'setOwner' | 'createUser' | 'findToken'>;

/** The implementation of some verbs: each with the context before its request. */
export type VerbGroup<V extends keyof StoreVerbs> = {
  [K in V]: (ctx: Context, request: Parameters<StoreVerbs[K]>[0]) => ReturnType<StoreVerbs[K]>;
};
