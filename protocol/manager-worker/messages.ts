/**
 * What manager and worker say to each other. Commands come down on file descriptor 3, everything the worker says goes
 * up on 4, both as an endless stream of the messages of `../frames.ts`. A worker that runs one task at a time says
 * nothing with a task's id: all between two `result`s belongs to one attempt. A *shared* worker, which runs several at
 * once, names the task each time. The manager trusts none of it: the user's code lives in the same process and could
 * write to the descriptor too.
 */
import * as z from 'zod';
import { Time } from '../client-broker/common.ts';
import { FunctionKind } from '../client-broker/functions.ts';
import { outputStreams } from '../client-broker/tasks.ts';
import { Digest, Id } from '../ids.ts';
import { TaskError } from '../tasks/error.ts';
import { ContentType } from '../values/payload.ts';

export const COMMAND_FD = 3;
export const REPORT_FD = 4;

const bytes = z.number().int().nonnegative().optional();

// Manager to worker.

/** One attempt to run. Payload: the encoded argument array. */
export const WorkerRun = z.object({
  t: z.literal('run'),
  task: Id,
  attempt: z.number().int().min(1),
  digest: Digest,
  mapDigest: Digest.optional(),
  /** The bundle's code on this host. */
  file: z.string(),
  kind: FunctionKind,
  /** Content type of the arguments. */
  type: ContentType,
  bytes,
});
export type WorkerRun = z.infer<typeof WorkerRun>;

/** Answers `need-map`. Absent `file`: there is none to be had. */
export const MapReady = z.object({ t: z.literal('map'), digest: Digest, file: z.string().optional() });
export type MapReady = z.infer<typeof MapReady>;

/**
 * To a shared worker: end this task, and none of the others. Its function hears of it by its signal; when it does not
 * end within `graceMs` then, or does not listen, the worker drops it.
 */
export const WorkerStop = z.object({ t: z.literal('stop'), task: Id, graceMs: z.number().int().nonnegative() });
export type WorkerStop = z.infer<typeof WorkerStop>;

export const WorkerCommand = z.discriminatedUnion('t', [WorkerRun, MapReady, WorkerStop]);
export type WorkerCommand = z.infer<typeof WorkerCommand>;

// Worker to manager.

/** Which task of a shared worker. */
const task = Id.optional();

/** The worker can take tasks. */
export const WorkerReady = z.object({ t: z.literal('ready') });

/** Payload: the bytes printed, or one yielded value of the content type `type`. */
export const WorkerOutput = z.object({
  t: z.literal('output'),
  task,
  stream: z.enum(outputStreams),
  at: Time,
  type: ContentType.optional(),
  bytes,
});
export type WorkerOutput = z.infer<typeof WorkerOutput>;

/** An error has to be mapped to the user's files. */
export const NeedMap = z.object({ t: z.literal('need-map'), task, digest: Digest });

/** The attempt ended; `stopped`: since it was told to. Payload: the encoded value. */
export const WorkerResult = z.object({
  t: z.literal('result'),
  task,
  outcome: z.enum(['succeeded', 'failed', 'stopped']),
  /** Content type of the value. */
  type: ContentType.optional(),
  error: TaskError.optional(),
  loadMs: z.number().nonnegative(),
  runMs: z.number().nonnegative(),
  bytes,
});
export type WorkerResult = z.infer<typeof WorkerResult>;

/** Of a shared worker that retires: this task came too late, and was not begun. */
export const WorkerReturn = z.object({ t: z.literal('return'), task: Id });

/**
 * The worker wants to be replaced before the next task; with or without a task of its own at the time. A shared one
 * first ends those it has.
 */
export const Retire = z.object({ t: z.literal('retire'), reason: z.string().max(1024) });

/** The process is about to end because somebody called `process.exit`. */
export const Exiting = z.object({ t: z.literal('exiting'), code: z.number().int() });

export const WorkerReport = z.discriminatedUnion('t', [
  WorkerReady,
  WorkerOutput,
  NeedMap,
  WorkerResult,
  WorkerReturn,
  Retire,
  Exiting,
]);
export type WorkerReport = z.infer<typeof WorkerReport>;
