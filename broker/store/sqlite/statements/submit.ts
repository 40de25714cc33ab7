import { RunaboutError } from '../../../../protocol/errors/error.ts';
import type { TaskToSubmit } from '../../contract.ts';
import { type Context, notFound, orNull } from '../context.ts';
import { Queues, SELECT_TASK_RECORD, type TaskRecordRow, toTaskRecord } from '../records.ts';
import { stepText } from '../transitions.ts';
import { allowBlob } from './blobs.ts';
import type { VerbGroup } from './principals.ts';

/** What a batch looks up once: most of its tasks are of one function on one endpoint. */
interface Targets {
  owner: number;
  ownerId: string;
  functions: Map<string, FunctionTarget>;
  endpoints: Map<string, EndpointTarget>;
  queues: BatchQueues;
  /** The first step of each. */
  steps: string;
}

interface FunctionTarget {
  num: number;
  version: number;
  digest: string;
  mapDigest: string | null;
}

interface EndpointTarget {
  num: number;
  id: string;
  /** Digests that its agent may read already. */
  allowed: Set<string>;
}

/**
 * Priorities aside, all that queued before are ahead: exact enough for an answer that is out of date at once, and
 * without a read for each batch.
 */
class BatchQueues extends Queues {
  readonly queued = new Map<number, number>();

  override ahead(row: TaskRecordRow): number {
    const ahead = this.queued.get(row.endpoint);
    // A task that was there before is on an endpoint that nothing was submitted to now.
    if (ahead === undefined) return super.ahead(row);
    this.queued.set(row.endpoint, ahead + 1);
    return ahead;
  }
}

export const submit = {
  submit(ctx, request) {
    const { queues, rows } = submitAll(ctx, request);
    return rows.map(row => toTaskRecord(ctx, row, queues));
  },

  submitForIds(ctx, request) {
    return submitAll(ctx, request).rows.map(({ id }) => id);
  },
} satisfies VerbGroup<'submit' | 'submitForIds'>;

function submitAll(
  ctx: Context,
  { owner: ownerId, now, tasks }: { owner: string; now: number; tasks: TaskToSubmit[] },
) {
  const targets: Targets = {
    owner: ctx.owner(ownerId),
    ownerId,
    functions: new Map(),
    endpoints: new Map(),
    queues: new BatchQueues(ctx, now),
    steps: stepText('queued', now, 0),
  };
  const rows = tasks.map((task, i) => submitOne(ctx, targets, task, `tasks.${i}`, now));
  return { rows, queues: targets.queues };
}

function submitOne(ctx: Context, targets: Targets, task: TaskToSubmit, path: string, now: number): TaskRecordRow {
  const known = task.idempotencyKey === undefined ? undefined : findSame(ctx, targets.owner, task, path);
  if (known) return known;

  const fn = functionTarget(ctx, targets, task, path);
  const endpoint = endpointTarget(ctx, targets, task, path);
  const argsBlob = 'blob' in task.args ? task.args.blob : undefined;
  if (argsBlob !== undefined) checkArguments(ctx, task, targets.ownerId, path);
  for (const digest of [fn.digest, fn.mapDigest, argsBlob]) {
    if (digest && !endpoint.allowed.has(digest)) {
      allowBlob(ctx, digest, endpoint.id);
      endpoint.allowed.add(digest);
    }
  }

  const seq = ctx.nextSeq(targets.owner);
  const num = ctx.insert(
    `INSERT INTO tasks (id, owner, function, version, endpoint, seq, state, state_at, max_attempts, priority, deadline,
       timeout_ms, created_at, steps) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?)`,
    task.id,
    targets.owner,
    fn.num,
    fn.version,
    endpoint.num,
    seq,
    now,
    task.maxAttempts,
    task.priority,
    orNull(task.deadline),
    orNull(task.timeoutMs),
    now,
    targets.steps,
  );
  ctx.run(
    'INSERT INTO arguments (task, type, size, bytes, blob) VALUES (?, ?, ?, ?, ?)',
    num,
    task.args.type,
    task.args.size,
    'bytes' in task.args ? task.args.bytes : null,
    orNull(argsBlob),
  );
  if (task.idempotencyKey !== undefined) {
    ctx.run(
      'INSERT INTO idempotency (owner, key, task, content) VALUES (?, ?, ?, ?)',
      targets.owner,
      task.idempotencyKey,
      num,
      task.contentDigest ?? '',
    );
  }
  ctx.count(endpoint.num, 1, 0);
  ctx.noteReady(endpoint.id);

  return {
    num,
    id: task.id,
    owner: targets.owner,
    version: fn.version,
    endpoint: endpoint.num,
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
  };
}

function findSame(ctx: Context, owner: number, task: TaskToSubmit, path: string): TaskRecordRow | undefined {
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
  return ctx.get<TaskRecordRow>(`${SELECT_TASK_RECORD} WHERE num = ?`, known.task);
}

function functionTarget(ctx: Context, targets: Targets, { function: ref }: TaskToSubmit, path: string): FunctionTarget {
  const key = `${ref.id} ${ref.version ?? ''}`;
  let target = targets.functions.get(key);
  if (target) return target;
  const row = ctx.get<Omit<FunctionTarget, 'mapDigest'> & { map_digest: string | null }>(
    `SELECT f.num, v.num AS version, v.digest, v.map_digest
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
  const row = ctx.get<{ num: number; queued: number }>(
    'SELECT num, queued FROM endpoints WHERE id = ? AND owner = ? AND deleted = 0',
    id,
    targets.owner,
  );
  if (!row) throw notFound('endpoint', id, `${path}.endpoint`);
  target = { num: row.num, id, allowed: new Set() };
  targets.endpoints.set(id, target);
  targets.queues.queued.set(row.num, row.queued);
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
