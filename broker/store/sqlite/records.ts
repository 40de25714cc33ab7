import type { EndpointRecord } from '../../../protocol/client-broker/endpoints.ts';
import type { FunctionKind, FunctionRecord, FunctionVersion } from '../../../protocol/client-broker/functions.ts';
import type { TaskRecord, Wait } from '../../../protocol/client-broker/tasks.ts';
import type { TaskState } from '../../../protocol/tasks/states.ts';
import type { StoredValue } from '../contract.ts';
import type { Context } from './context.ts';

// Rows as the statements below read them, and the records made of them.

export interface EndpointRow {
  num: number;
  id: string;
  name: string;
  description: string | null;
  owner_id: string;
  owner_name: string;
  created_at: number;
  seq: number;
  state: 'new' | 'online' | 'offline';
  state_at: number;
  host: string | null;
  workers: string | null;
  problem: string | null;
  queued: number;
  live: number;
}

export const SELECT_ENDPOINT = `SELECT e.num, e.id, e.name, e.description, o.id AS owner_id, o.name AS owner_name,
  e.created_at, e.seq, e.state, e.state_at, e.host, e.workers, e.problem, e.queued, e.live
  FROM endpoints e JOIN principals o ON o.num = e.owner`;

export function toEndpointRecord(row: EndpointRow): EndpointRecord {
  return {
    id: row.id,
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    owner: { id: row.owner_id, name: row.owner_name },
    createdAt: row.created_at,
    ...(row.host === null ? {} : { host: JSON.parse(row.host) }),
    status: {
      state: row.state,
      since: row.state_at,
      ...(row.workers === null || row.state !== 'online' ? {} : { workers: JSON.parse(row.workers) }),
      queued: row.queued,
      running: row.live,
      ...(row.problem === null || row.state !== 'online' ? {} : { problem: row.problem }),
    },
  };
}

export interface VersionRow {
  num: number;
  version: number;
  digest: string;
  size: number;
  created_at: number;
  details: string;
}

export function toVersion(row: Omit<VersionRow, 'num'>): FunctionVersion {
  return {
    version: row.version,
    digest: row.digest,
    size: row.size,
    createdAt: row.created_at,
    details: JSON.parse(row.details),
  };
}

export interface FunctionRow extends VersionRow {
  id: string;
  name: string;
  seq: number;
  owner_id: string;
  owner_name: string;
  function_created_at: number;
}

export const SELECT_FUNCTION = `SELECT f.num, f.id, f.name, f.seq, o.id AS owner_id, o.name AS owner_name,
  f.created_at AS function_created_at, v.version, v.digest, v.size, v.created_at, v.details
  FROM functions f JOIN versions v ON v.num = f.latest JOIN principals o ON o.num = f.owner`;

export function toFunctionRecord(row: FunctionRow): FunctionRecord {
  return {
    id: row.id,
    name: row.name,
    owner: { id: row.owner_id, name: row.owner_name },
    createdAt: row.function_created_at,
    latest: toVersion(row),
  };
}

export interface TaskRecordRow {
  num: number;
  id: string;
  seq: number;
  state: TaskState;
  state_at: number;
  attempt: number;
  max_attempts: number;
  not_before: number;
  note: string | null;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  timeout_ms: number | null;
  deadline: number | null;
  value_type: string | null;
  value_size: number | null;
  error: string | null;
  timings: string | null;
  function_id: string;
  function_name: string;
  version: number;
  digest: string;
  kind: FunctionKind;
  endpoint: number;
  endpoint_id: string;
  endpoint_name: string;
  endpoint_state: EndpointRow['state'];
  endpoint_state_at: number;
  endpoint_problem: string | null;
  owner_id: string;
  owner_name: string;
}

export const SELECT_TASK_RECORD = `SELECT t.num, t.id, t.seq, t.state, t.state_at, t.attempt, t.max_attempts,
  t.not_before, t.note, t.created_at, t.started_at, t.ended_at, t.timeout_ms, t.deadline, t.value_type, t.value_size,
  t.error, t.timings, f.id AS function_id, f.name AS function_name, v.version, v.digest, v.kind, t.endpoint,
  e.id AS endpoint_id, e.name AS endpoint_name, e.state AS endpoint_state, e.state_at AS endpoint_state_at,
  e.problem AS endpoint_problem, o.id AS owner_id, o.name AS owner_name
  FROM tasks t JOIN functions f ON f.num = t.function JOIN versions v ON v.num = t.version
  JOIN endpoints e ON e.num = t.endpoint JOIN principals o ON o.num = t.owner`;

/** @param ahead how many tasks are before it in its queue, see {@link tasksAhead} */
export function toTaskRecord(ctx: Context, row: TaskRecordRow, now: number, ahead: number): TaskRecord {
  const record: TaskRecord = {
    id: row.id,
    function: {
      id: row.function_id,
      name: row.function_name,
      version: row.version,
      digest: row.digest,
      kind: row.kind,
    },
    endpoint: { id: row.endpoint_id, name: row.endpoint_name },
    owner: { id: row.owner_id, name: row.owner_name },
    state: row.state,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    createdAt: row.created_at,
  };
  if (row.started_at !== null) record.startedAt = row.started_at;
  if (row.ended_at !== null) {
    record.endedAt = row.ended_at;
    record.keptUntil = row.ended_at + ctx.policy.retentionMs;
  }
  if (row.timeout_ms !== null) record.timeoutMs = row.timeout_ms;
  if (row.deadline !== null) record.deadline = row.deadline;
  const wait = waitOf(row, now, ahead);
  if (wait) record.wait = wait;
  if (row.error !== null) record.error = JSON.parse(row.error);
  if (row.value_type !== null) record.value = { type: row.value_type, size: row.value_size! };
  if (row.timings !== null) record.timings = JSON.parse(row.timings);
  return record;
}

/** Why the task waits: the nearest reason that a person can do something about. */
function waitOf(row: TaskRecordRow, now: number, ahead: number): Wait | undefined {
  const on = row.endpoint_name;
  if (row.state === 'cancelling') {
    return { reason: 'cancelling', text: `Being stopped on ${on}.`, since: row.state_at };
  }
  if (row.state === 'leased') {
    return { reason: 'preparing', text: row.note ?? `${on} has it and has not started it yet.`, since: row.state_at };
  }
  if (row.state !== 'queued') return undefined;
  if (row.endpoint_state === 'new') {
    return { reason: 'endpoint-new', text: `Endpoint ${on} was never started.`, since: row.endpoint_state_at };
  }
  if (row.endpoint_state === 'offline') {
    return { reason: 'endpoint-offline', text: `Endpoint ${on} is offline.`, since: row.endpoint_state_at };
  }
  if (row.not_before > now) {
    const text = `${row.note ?? 'The attempt was lost.'} Next attempt in ${Math.ceil((row.not_before - now) / 1000)} s.`;
    return { reason: 'retry', text: text.slice(-512), since: row.state_at };
  }
  if (row.endpoint_problem !== null) {
    return { reason: 'no-free-worker', text: row.endpoint_problem.slice(0, 512), since: row.state_at };
  }
  if (ahead > 0) return { reason: 'tasks-ahead', text: `${aheadText(ahead)} ahead on ${on}.`, since: row.state_at };
  return { reason: 'no-free-worker', text: `Next in line; no worker of ${on} is free.`, since: row.state_at };
}

/** How far into a queue positions are counted; further back they are "more than" this. */
const COUNTED = 1000;

function aheadText(ahead: number): string {
  if (ahead > COUNTED) return `More than ${COUNTED} tasks are`;
  return ahead === 1 ? '1 task is' : `${ahead} tasks are`;
}

/**
 * How many tasks are before each queued one of these rows, counted from the head of each endpoint's queue: one short
 * read per endpoint, however long the queue or the page.
 */
export function tasksAhead(ctx: Context, rows: readonly TaskRecordRow[]): (row: TaskRecordRow) => number {
  const positions = new Map<number, number>();
  const lengths = new Map<number, number>();
  for (const row of rows) {
    if (row.state !== 'queued' || row.endpoint_state !== 'online' || lengths.has(row.endpoint)) continue;
    const head = ctx.all<{ num: number }>(
      `SELECT num FROM tasks WHERE endpoint = ? AND state = 'queued' AND not_before = 0 ORDER BY priority DESC, num LIMIT ${COUNTED + 1}`,
      row.endpoint,
    );
    for (const [i, { num }] of head.entries()) positions.set(num, i);
    lengths.set(row.endpoint, head.length);
  }
  // One that is not among them is behind them all: further back, or at the end of a pause that no claim has seen yet.
  return row => positions.get(row.num) ?? lengths.get(row.endpoint) ?? 0;
}

export function toTaskRecords(ctx: Context, rows: readonly TaskRecordRow[], now: number): TaskRecord[] {
  const ahead = tasksAhead(ctx, rows);
  return rows.map(row => toTaskRecord(ctx, row, now, ahead(row)));
}

/** A value from its columns. */
export function toValue(row: {
  type: string;
  size: number;
  bytes: Uint8Array | null;
  blob: string | null;
}): StoredValue {
  const type = row.type as StoredValue['type'];
  return row.blob === null
    ? { type, size: row.size, bytes: row.bytes ?? new Uint8Array(0) }
    : { type, size: row.size, blob: row.blob };
}
