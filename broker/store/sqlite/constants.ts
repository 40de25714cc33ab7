/** What never changes about a row once it is there: read once, and kept by the context. */
import type { FunctionKind } from '../../../protocol/client-broker/functions.ts';
import type { TaskRecord } from '../../../protocol/client-broker/tasks.ts';
import type { Context } from './context.ts';

interface NameRow {
  id: string;
  name: string;
}

const ENDPOINT = 'SELECT id, name FROM endpoints WHERE num = ?';
const PRINCIPAL = 'SELECT id, name FROM principals WHERE num = ?';

export const endpointName = (ctx: Context, num: number) => ctx.constant<NameRow>(ENDPOINT, num);
export const endpointId = (ctx: Context, num: number) => endpointName(ctx, num).id;
export const principalName = (ctx: Context, num: number) => ctx.constant<NameRow>(PRINCIPAL, num);

/** A version of a function as a task's record names it. */
export const functionOf = (ctx: Context, version: number) =>
  ctx.constant<TaskRecord['function']>(
    `SELECT f.id, f.name, v.version, v.digest, v.kind FROM versions v JOIN functions f ON f.num = v.function
     WHERE v.num = ?`,
    version,
  );

/** The code of a version, as an agent needs it. */
export const codeOf = (ctx: Context, version: number) =>
  ctx.constant<{ digest: string; map_digest: string | null; name: string; kind: FunctionKind }>(
    `SELECT v.digest, v.map_digest, f.name, v.kind FROM versions v JOIN functions f ON f.num = v.function
     WHERE v.num = ?`,
    version,
  );
