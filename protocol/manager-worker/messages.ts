/**
 * What manager and worker say to each other. Commands come down on file descriptor 3, everything the worker says goes
 * up on 4, both as an endless stream of the messages of `../frames.ts`. A worker runs one task at a time, so what it
 * says needs no task id: all between two `result`s belongs to one attempt. The manager trusts none of it: the user's
 * code lives in the same process and could write to the descriptor too.
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

export const WorkerCommand = z.discriminatedUnion('t', [WorkerRun, MapReady]);
export type WorkerCommand = z.infer<typeof WorkerCommand>;

// Worker to manager.

/** The worker can take tasks. */
export const WorkerReady = z.object({ t: z.literal('ready') });

/** Payload: the bytes printed, or one yielded value of the content type `type`. */
export const WorkerOutput = z.object({
  t: z.literal('output'),
  stream: z.enum(outputStreams),
  at: Time,
  type: ContentType.optional(),
  bytes,
});
export type WorkerOutput = z.infer<typeof WorkerOutput>;

/** An error has to be mapped to the user's files. */
export const NeedMap = z.object({ t: z.literal('need-map'), digest: Digest });

/** The attempt ended. Payload: the encoded value. */
export const WorkerResult = z.object({
  t: z.literal('result'),
  outcome: z.enum(['succeeded', 'failed']),
  /** Content type of the value. */
  type: ContentType.optional(),
  error: TaskError.optional(),
  loadMs: z.number().nonnegative(),
  runMs: z.number().nonnegative(),
  bytes,
});
export type WorkerResult = z.infer<typeof WorkerResult>;

/** The worker wants to be replaced before the next task; with or without a task of its own at the time. */
export const Retire = z.object({ t: z.literal('retire'), reason: z.string().max(1024) });

/** The process is about to end because somebody called `process.exit`. */
export const Exiting = z.object({ t: z.literal('exiting'), code: z.number().int() });

export const WorkerReport = z.discriminatedUnion('t', [
  WorkerReady,
  WorkerOutput,
  NeedMap,
  WorkerResult,
  Retire,
  Exiting,
]);
export type WorkerReport = z.infer<typeof WorkerReport>;
