import * as z from 'zod';
import { Digest, Id } from '../ids.ts';
import { limits } from '../limits.ts';
import { TaskError } from '../tasks/error.ts';
import { taskStates, terminalStates } from '../tasks/states.ts';
import { JsonPayload } from '../values/payload.ts';
import { PageQuery, page, Time } from './common.ts';
import { FunctionKind } from './functions.ts';

/** One task of `POST /v1/tasks`. */
export const SubmitTask = z.strictObject({
  /** A function by its id, at a version (absent: the newest). */
  function: z.strictObject({ id: Id, version: z.number().int().min(1).optional() }),
  endpoint: Id,
  /** The encoded array of arguments. */
  args: JsonPayload,
  /** How long one attempt may run, in milliseconds. */
  timeoutMs: z
    .number()
    .int()
    .min(1)
    .max(31 * 24 * 3600_000)
    .optional(),
  /** When the task has to have started; later it expires. */
  deadline: Time.optional(),
  /** 1 means at most once: a task whose attempt is lost ends `lost`. */
  maxAttempts: z.number().int().min(1).max(10).default(3),
  /** Higher goes first. */
  priority: z.number().int().min(-100).max(100).default(0),
  /** The same key with the same content gives the same task; with other content 409. Remembered as long as the task. */
  idempotencyKey: z
    .string()
    .min(1)
    .max(128)
    // Halves of characters have no bytes of their own: two such keys would be stored as one.
    .refine(key => key.isWellFormed(), 'not well-formed Unicode')
    .optional(),
});
export type SubmitTask = z.input<typeof SubmitTask>;

export const SubmitTasks = z.strictObject({ tasks: z.array(SubmitTask).min(1).max(limits.batch) });
export type SubmitTasks = z.input<typeof SubmitTasks>;

/** Why a task waits, in words a person reads, and since when. */
export const Wait = z.object({
  reason: z.enum([
    'endpoint-new',
    'endpoint-offline',
    'tasks-ahead',
    'no-free-worker',
    'retry',
    'preparing',
    'cancelling',
  ]),
  text: z.string().max(512),
  since: Time,
});
export type Wait = z.infer<typeof Wait>;

/** How long each stage took, in milliseconds, each by the clock of the machine it ran on. */
export const Timings = z.object({
  /** Loading the bundle; 0 when the worker was warm for it. */
  loadMs: z.number().nonnegative(),
  /** The function itself. */
  runMs: z.number().nonnegative(),
  /** From the agent's receipt of the task to its result, including both. */
  agentMs: z.number().nonnegative(),
});
export type Timings = z.infer<typeof Timings>;

export const TaskRecord = z.object({
  id: Id,
  function: z.object({ id: Id, name: z.string(), version: z.number().int(), digest: Digest, kind: FunctionKind }),
  endpoint: z.object({ id: Id, name: z.string() }),
  owner: z.object({ id: Id, name: z.string() }),
  state: z.enum(taskStates),
  attempt: z.number().int().nonnegative(),
  maxAttempts: z.number().int(),
  createdAt: Time,
  startedAt: Time.optional(),
  endedAt: Time.optional(),
  /** Of a task that has ended: when it is deleted, with its result, output, history and idempotency key. */
  keptUntil: Time.optional(),
  timeoutMs: z.number().int().optional(),
  deadline: Time.optional(),
  wait: Wait.optional(),
  /** Of a task that did not succeed: the error without stack and causes. */
  error: z.object({ code: z.string(), name: z.string().optional(), message: z.string() }).optional(),
  /** Of a task that succeeded. */
  value: z.object({ type: z.string(), size: z.number().int() }).optional(),
  timings: Timings.optional(),
});
export type TaskRecord = z.infer<typeof TaskRecord>;

/** 201 after the durable commit, in the order of the submission. */
export const SubmittedTasks = z.object({ tasks: z.array(TaskRecord) });
export type SubmittedTasks = z.infer<typeof SubmittedTasks>;

/** `?answer=ids`: the same without the records, for large batches. */
export const SubmittedIds = z.object({ ids: z.array(Id) });
export const SubmitQuery = z.object({ answer: z.enum(['records', 'ids']).default('records') });

export const TaskQuery = PageQuery.extend({
  state: z.enum(taskStates).optional(),
  function: Id.optional(),
  endpoint: Id.optional(),
});
export type TaskQuery = z.input<typeof TaskQuery>;

/** Newest first. */
export const TaskPage = page(TaskRecord);

/** `GET /v1/tasks/{id}/result`; 409 `task-not-ended` before the end. A large value is a blob. */
export const TaskResult = z.object({
  task: Id,
  attempt: z.number().int(),
  state: z.enum(terminalStates),
  value: JsonPayload.optional(),
  error: TaskError.optional(),
  timings: Timings.optional(),
});
export type TaskResult = z.infer<typeof TaskResult>;

export const outputStreams = ['stdout', 'stderr', 'item'] as const;

/** One piece of what a task printed (`stdout`, `stderr`) or yielded (`item`). `seq` counts from 0 within an attempt. */
export const OutputChunk = z.object({
  attempt: z.number().int(),
  seq: z.number().int().nonnegative(),
  /** By the clock of the endpoint. */
  at: Time,
  stream: z.enum(outputStreams),
  text: z.string().optional(),
  value: JsonPayload.optional(),
});
export type OutputChunk = z.infer<typeof OutputChunk>;

/** `GET /v1/tasks/{id}/output?from=SEQ`: the tail that is kept, of the newest attempt. */
export const OutputQuery = z.object({ from: z.coerce.number().int().nonnegative().default(0) });
export const TaskOutput = z.object({
  chunks: z.array(OutputChunk),
  /** Bytes that came before the tail and are gone. */
  droppedBytes: z.number().int().nonnegative(),
});
export type TaskOutput = z.infer<typeof TaskOutput>;

/** `GET /v1/tasks/{id}/wait?ms=N`: the record when the task has ended, or after N milliseconds as it is then. */
export const WaitQuery = z.object({ ms: z.coerce.number().int().min(0).max(60_000).default(30_000) });

/** One change of state, oldest first: `GET /v1/tasks/{id}/history`. */
export const HistoryEntry = z.object({
  at: Time,
  state: z.enum(taskStates),
  attempt: z.number().int(),
  reason: z.string().optional(),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;
export const TaskHistory = z.object({ entries: z.array(HistoryEntry) });
