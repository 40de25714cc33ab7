import type { TaskRecord } from '../../../../protocol/client-broker/tasks.ts';
import { RunaboutError } from '../../../../protocol/errors/error.ts';
import type { TaskToSubmit } from '../../contract.ts';
import { type Context, notFound, orNull } from '../context.ts';
import { SELECT_TASK_RECORD, type TaskRecordRow, toTaskRecord, toTaskRecords } from '../records.ts';
import { writeHistory } from '../transitions.ts';
import { allowBlob } from './blobs.ts';
import type { VerbGroup } from './principals.ts';

/** What a batch looks up once: most of its tasks are of one function on one endpoint. */
interface Targets {
  owner: number;
  ownerRow: { id: string; name: string };
  functions: Map<string, FunctionTarget>;
  endpoints: Map<string, EndpointTarget>;
}

type FunctionTarget = Pick<TaskRecordRow, 'function_id' | 'function_name' | 'version' | 'digest' | 'kind'> & {
  num: number;
  versionNum: number;
  mapDigest: string | null;
};

type EndpointTarget = Pick<
  TaskRecordRow,
  'endpoint' | 'endpoint_id' | 'endpoint_name' | 'endpoint_state' | 'endpoint_state_at' | 'endpoint_problem'
> & {
  /** Tasks in its queue, those of this batch among them. */
  queued: number;
  /** Digests that its agent may read already. */
  allowed: Set<string>;
};

export const submit = {
  submit(ctx, { owner: ownerId, now, tasks }) {
    const owner = ctx.owner(ownerId);
    const ownerRow = ctx.get<{ id: string; name: string }>('SELECT id, name FROM principals WHERE num = ?', owner)!;
    const targets: Targets = { owner, ownerRow, functions: new Map(), endpoints: new Map() };
    return tasks.map((task, i) => submitOne(ctx, targets, task, `tasks.${i}`, now));
  },
} satisfies VerbGroup<'submit'>;

function submitOne(ctx: Context, targets: Targets, task: TaskToSubmit, path: string, now: number): TaskRecord {
  const known = task.idempotencyKey === undefined ? undefined : findSame(ctx, targets.owner, task, path, now);
  if (known) return known;

  const fn = functionTarget(ctx, targets, task, path);
  const endpoint = endpointTarget(ctx, targets, task, path);
  const argsBlob = 'blob' in task.args ? task.args.blob : undefined;
  if (argsBlob !== undefined) checkArguments(ctx, task, targets.ownerRow.id, path);
  for (const digest of [fn.digest, fn.mapDigest, argsBlob]) {
    if (digest && !endpoint.allowed.has(digest)) {
      allowBlob(ctx, digest, endpoint.endpoint_id);
      endpoint.allowed.add(digest);
    }
  }

  const seq = ctx.nextSeq(targets.owner);
  const num = ctx.insert(
    `INSERT INTO tasks (id, owner, function, version, endpoint, seq, state, state_at, max_attempts, priority, deadline,
       timeout_ms, created_at) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?)`,
    task.id,
    targets.owner,
    fn.num,
    fn.versionNum,
    endpoint.endpoint,
    seq,
    now,
    task.maxAttempts,
    task.priority,
    orNull(task.deadline),
    orNull(task.timeoutMs),
    now,
  );
  ctx.run(
    'INSERT INTO arguments (task, type, size, bytes, blob) VALUES (?, ?, ?, ?, ?)',
    num,
    task.args.type,
    task.args.size,
    'bytes' in task.args ? task.args.bytes : null,
    orNull(argsBlob),
  );
  writeHistory(ctx, { num, seq, state: 'queued', state_at: now, attempt: 0 });
  if (task.idempotencyKey !== undefined) {
    ctx.run(
      'INSERT INTO idempotency (owner, key, task, content) VALUES (?, ?, ?, ?)',
      targets.owner,
      task.idempotencyKey,
      num,
      task.contentDigest ?? '',
    );
  }
  ctx.count(endpoint.endpoint, 1, 0);
  ctx.noteReady(endpoint.endpoint_id);

  const row: TaskRecordRow = {
    ...fn,
    ...endpoint,
    num,
    id: task.id,
    seq,
    state: 'queued',
    state_at: now,
    attempt: 0,
    max_attempts: task.maxAttempts,
    not_before: 0,
    note: null,
    created_at: now,
    started_at: null,
    ended_at: null,
    timeout_ms: orNull(task.timeoutMs),
    deadline: orNull(task.deadline),
    value_type: null,
    value_size: null,
    error: null,
    timings: null,
    owner_id: targets.ownerRow.id,
    owner_name: targets.ownerRow.name,
  };
  // Priorities aside, all that queued before are ahead: exact enough for an answer that is out of date at once.
  return toTaskRecord(ctx, row, now, endpoint.queued++);
}

function findSame(ctx: Context, owner: number, task: TaskToSubmit, path: string, now: number): TaskRecord | undefined {
  const known = ctx.get<{ task: number; content: string }>(
    'SELECT task, content FROM idempotency WHERE owner = ? AND key = ?',
    owner,
    task.idempotencyKey!,
  );
  if (!known) return undefined;
  if (known.content !== (task.contentDigest ?? '')) {
    throw new RunaboutError('idempotency-conflict', 'This idempotency key stands for a task of other content.', {
      hint: 'Use a new key for a new task.',
      path: `${path}.idempotencyKey`,
    });
  }
  return toTaskRecords(ctx, ctx.all<TaskRecordRow>(`${SELECT_TASK_RECORD} WHERE t.num = ?`, known.task), now)[0];
}

function functionTarget(ctx: Context, targets: Targets, { function: ref }: TaskToSubmit, path: string): FunctionTarget {
  const key = `${ref.id} ${ref.version ?? ''}`;
  let target = targets.functions.get(key);
  if (target) return target;
  const row = ctx.get<Omit<FunctionTarget, 'mapDigest'> & { map_digest: string | null }>(
    `SELECT f.num, f.id AS function_id, f.name AS function_name, v.num AS versionNum, v.version, v.digest, v.kind,
       v.map_digest
     FROM functions f JOIN versions v ON ${ref.version === undefined ? 'v.num = f.latest' : 'v.function = f.num AND v.version = ?'}
     WHERE f.id = ? AND f.owner = ? AND f.deleted = 0`,
    ...(ref.version === undefined ? [] : [ref.version]),
    ref.id,
    targets.owner,
  );
  if (!row) throw notFound(ref.version === undefined ? 'function' : 'version of function', ref.id, `${path}.function`);
  const { map_digest: mapDigest, ...rest } = row;
  target = { ...rest, mapDigest };
  targets.functions.set(key, target);
  return target;
}

function endpointTarget(ctx: Context, targets: Targets, { endpoint: id }: TaskToSubmit, path: string): EndpointTarget {
  let target = targets.endpoints.get(id);
  if (target) return target;
  const row = ctx.get<Omit<EndpointTarget, 'allowed'>>(
    `SELECT num AS endpoint, id AS endpoint_id, name AS endpoint_name, state AS endpoint_state,
       state_at AS endpoint_state_at, problem AS endpoint_problem, queued
     FROM endpoints WHERE id = ? AND owner = ? AND deleted = 0`,
    id,
    targets.owner,
  );
  if (!row) throw notFound('endpoint', id, `${path}.endpoint`);
  target = { ...row, allowed: new Set() };
  targets.endpoints.set(id, target);
  return target;
}

function checkArguments(ctx: Context, { args }: TaskToSubmit, reader: string, path: string): void {
  if (!('blob' in args)) return;
  const known = ctx.get<{ size: number }>(
    'SELECT b.size FROM blobs b JOIN blob_readers r ON r.digest = b.digest WHERE b.digest = ? AND r.reader = ?',
    args.blob,
    reader,
  );
  if (known?.size === args.size) return;
  throw new RunaboutError(
    'arguments-invalid',
    known
      ? `The blob of the arguments has ${known.size} bytes, not ${args.size}.`
      : `The broker has no blob ${args.blob} of yours.`,
    { hint: `Upload the arguments first: PUT /v1/blobs/${args.blob}.`, path: `${path}.args` },
  );
}
