import type { EndpointRecord } from '../../../protocol/client-broker/endpoints.ts';
import type { FunctionRecord, FunctionVersion } from '../../../protocol/client-broker/functions.ts';
import type { TaskRecord, Wait } from '../../../protocol/client-broker/tasks.ts';
import type { TaskState } from '../../../protocol/tasks/states.ts';
import type { StoredValue } from '../contract.ts';
import { endpointName, functionOf, principalName } from './constants.ts';
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
  owner: number;
  version: number;
  endpoint: number;
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
}

export const SELECT_TASK_RECORD = `SELECT num, id, owner, version, endpoint, seq, state, state_at, attempt, max_attempts,
  not_before, note, created_at, started_at, ended_at, timeout_ms, deadline, value_type, value_size, error, timings
  FROM tasks`;

export function toTaskRecord(ctx: Context, row: TaskRecordRow, queues: Queues): TaskRecord {
  const record: TaskRecord = {
    id: row.id,
    function: functionOf(ctx, row.version),
    endpoint: endpointName(ctx, row.endpoint),
    owner: principalName(ctx, row.owner),
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
  const wait = waitOf(row, record.endpoint.name, queues);
  if (wait) record.wait = wait;
  if (row.error !== null) record.error = JSON.parse(row.error);
  if (row.value_type !== null) record.value = { type: row.value_type, size: row.value_size! };
  if (row.timings !== null) record.timings = JSON.parse(row.timings);
  return record;
}

/** Why the task waits: the nearest reason that a person can do something about. */
function waitOf(row: TaskRecordRow, on: string, queues: Queues): Wait | undefined {
  if (row.state === 'cancelling') {
    return { reason: 'cancelling', text: `Being stopped on ${on}.`, since: row.state_at };
  }
  if (row.state === 'leased') {
    return { reason: 'preparing', text: row.note ?? `${on} has it and has not started it yet.`, since: row.state_at };
  }
  if (row.state !== 'queued') return undefined;
  const endpoint = queues.endpoint(row.endpoint);
  if (endpoint.state === 'new') {
    return { reason: 'endpoint-new', text: `Endpoint ${on} was never started.`, since: endpoint.state_at };
  }
  if (endpoint.state === 'offline') {
    return { reason: 'endpoint-offline', text: `Endpoint ${on} is offline.`, since: endpoint.state_at };
  }
  if (row.not_before > queues.now) {
    const seconds = Math.ceil((row.not_before - queues.now) / 1000);
    const text = `${row.note ?? 'The attempt was lost.'} Next attempt in ${seconds} s.`;
    return { reason: 'retry', text: text.slice(-512), since: row.state_at };
  }
  if (endpoint.problem !== null) {
    return { reason: 'no-free-worker', text: endpoint.problem.slice(0, 512), since: row.state_at };
  }
  const ahead = queues.ahead(row);
  if (ahead > 0) return { reason: 'tasks-ahead', text: `${aheadText(ahead)} ahead on ${on}.`, since: row.state_at };
  return { reason: 'no-free-worker', text: `Next in line; no worker of ${on} is free.`, since: row.state_at };
}

function aheadText(ahead: number): string {
  if (ahead > COUNTED) return `More than ${COUNTED} tasks are`;
  return ahead === 1 ? '1 task is' : `${ahead} tasks are`;
}

/** How far into a queue positions are counted; further back they are "more than" this. */
const COUNTED = 1000;

/** The queues that the tasks of one answer wait in: each is read once, however many of its tasks are in the answer. */
export class Queues {
  readonly now: number;
  readonly #ctx: Context;
  readonly #endpoints = new Map<number, Pick<EndpointRow, 'state' | 'state_at' | 'problem'>>();
  readonly #positions = new Map<number, Map<number, number>>();

  constructor(ctx: Context, now: number) {
    this.#ctx = ctx;
    this.now = now;
  }

  endpoint(num: number): Pick<EndpointRow, 'state' | 'state_at' | 'problem'> {
    let row = this.#endpoints.get(num);
    if (!row) {
      row = this.#ctx.get('SELECT state, state_at, problem FROM endpoints WHERE num = ?', num)!;
      this.#endpoints.set(num, row!);
    }
    return row!;
  }

  /** How many tasks are before this one: exact up to {@link COUNTED}, one short read from the head of its queue. */
  ahead({ num, endpoint }: TaskRecordRow): number {
    let positions = this.#positions.get(endpoint);
    if (!positions) {
      const head = this.#ctx.all<{ num: number }>(
        `SELECT num FROM tasks WHERE endpoint = ? AND state = 'queued' AND not_before = 0 ORDER BY priority DESC, num LIMIT ${COUNTED + 1}`,
        endpoint,
      );
      positions = new Map(head.map((row, i) => [row.num, i]));
      this.#positions.set(endpoint, positions);
    }
    // One that is not among them is behind them all: further back, or at the end of a pause that no claim has seen yet.
    return positions.get(num) ?? positions.size;
  }
}

export function toTaskRecords(ctx: Context, rows: readonly TaskRecordRow[], now: number): TaskRecord[] {
  const queues = new Queues(ctx, now);
  return rows.map(row => toTaskRecord(ctx, row, queues));
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
