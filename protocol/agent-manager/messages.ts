/**
 * What manager and agent say to each other on `GET /v1/manager` of the agent (a WebSocket, binary frames of
 * `../frames.ts`). The manager connects with the block's token, says `hello`, and gets `welcome`. It holds every result
 * until the agent says `kept`, and it connects again when the socket breaks: an agent may be restarted under a running
 * manager. Anything of an unknown type, or not of its schema, closes the socket with 4008.
 */
import * as z from 'zod';
import { Time } from '../client-broker/common.ts';
import { FunctionKind } from '../client-broker/functions.ts';
import { outputStreams } from '../client-broker/tasks.ts';
import { Digest, Id } from '../ids.ts';
import { TaskError } from '../tasks/error.ts';
import { ContentType } from '../values/payload.ts';

/** The version of this hop's protocol. */
export const PROTO = 1;

const attemptOf = { task: Id, attempt: z.number().int().min(1) };
const bytes = z.number().int().nonnegative().optional();

/**
 * A piece of a blob, in order: a bundle or a source map on its way down, a large result on its way up. Payload: the
 * bytes from `offset` on. `size` is that of the whole blob.
 */
export const Part = z.object({
  t: z.literal('part'),
  digest: Digest,
  offset: z.number().int().nonnegative(),
  size: z.number().int().nonnegative(),
  bytes,
});
export type Part = z.infer<typeof Part>;

/** Size of a part's payload at the most: small enough that beats and results are not held up behind a blob. */
export const PART_BYTES = 1024 * 1024;

// Manager to agent.

export const ManagerHello = z.object({
  t: z.literal('hello'),
  proto: z.number().int(),
  /** New for each manager process; the same over its reconnects. */
  manager: Id,
  host: z.string().max(256),
  pid: z.number().int(),
  /** Workers it runs. */
  slots: z.number().int().min(1),
  bytes,
});
export type ManagerHello = z.infer<typeof ManagerHello>;

/** Payload of `hello`, as JSON: the attempts that this manager holds, waiting or running. */
export const Holds = z.array(z.tuple([Id, z.number().int().min(1)])).max(200_000);
export type Holds = z.infer<typeof Holds>;

/** Sent every `beatMs`. Three in a row missing, and the manager is dead. */
export const ManagerBeat = z.object({ t: z.literal('beat'), n: z.number().int() });

/** The manager lacks this bundle or source map; answered by `part`s or `missing`. */
export const Need = z.object({ t: z.literal('need'), digest: Digest });

/** How the workers are; sent when it changes. `problem`: why none can be started. */
export const Workers = z.object({
  t: z.literal('workers'),
  starting: z.number().int().nonnegative(),
  /** The process groups of the workers: who outlives a dead manager can end them. */
  groups: z.array(z.number().int().min(2)).max(4096),
  problem: z.string().max(1024).optional(),
});
export type Workers = z.infer<typeof Workers>;

/** Payload: the bytes of this chunk (text in UTF-8, or one yielded value of the content type `type`). */
export const ManagerOutput = z.object({
  t: z.literal('output'),
  ...attemptOf,
  seq: z.number().int().nonnegative(),
  at: Time,
  stream: z.enum(outputStreams),
  type: ContentType.optional(),
  bytes,
});
export type ManagerOutput = z.infer<typeof ManagerOutput>;

/** The attempt ended. Payload: the value, unless it is over the cap for messages: then its parts came before. */
export const ManagerResult = z.object({
  t: z.literal('result'),
  ...attemptOf,
  outcome: z.enum(['succeeded', 'failed', 'cancelled']),
  value: z.object({ type: ContentType, blob: Digest.optional(), size: z.number().int().nonnegative() }).optional(),
  error: TaskError.optional(),
  loadMs: z.number().nonnegative(),
  runMs: z.number().nonnegative(),
  bytes,
});
export type ManagerResult = z.infer<typeof ManagerResult>;

/** The attempt is gone without a result. `workerDied`: its worker went down under it. */
export const ManagerLost = z.object({
  t: z.literal('lost'),
  ...attemptOf,
  reason: z.string().max(1024),
  workerDied: z.boolean(),
});
export type ManagerLost = z.infer<typeof ManagerLost>;

export const ManagerMessage = z.discriminatedUnion('t', [
  ManagerHello,
  ManagerBeat,
  Need,
  Part,
  Workers,
  ManagerOutput,
  ManagerResult,
  ManagerLost,
]);
export type ManagerMessage = z.infer<typeof ManagerMessage>;

// Agent to manager.

/** How workers are to be run; the same for every manager of an endpoint. */
export const WorkerSettings = z.object({
  /** What a function's environment holds beside PATH, HOME, LANG, TZ and TMPDIR of the manager's host. */
  environment: z.record(z.string(), z.string()),
  /** How many tasks one worker runs at once. */
  tasksPerWorker: z.number().int().min(1),
  /** Size of a worker's V8 heap, in MiB; absent: V8 decides. */
  heapMb: z.number().int().min(16).optional(),
  /** Between SIGTERM and SIGKILL, in milliseconds. */
  graceMs: z.number().int().nonnegative(),
  /** How much one task may print, in bytes. */
  outputBytes: z.number().int().nonnegative(),
  /** How much space bundles may take on the manager's disk, in bytes. */
  cacheBytes: z.number().int().nonnegative(),
});
export type WorkerSettings = z.infer<typeof WorkerSettings>;

export const ManagerWelcome = z.object({
  t: z.literal('welcome'),
  proto: z.number().int(),
  endpoint: z.string(),
  beatMs: z.number().int().min(10).max(60_000),
  /** A manager that has not heard of its agent for this long stops itself and its workers. */
  orphanMs: z
    .number()
    .int()
    .min(1)
    .max(24 * 3600_000),
  settings: WorkerSettings,
});
export type ManagerWelcome = z.infer<typeof ManagerWelcome>;

export const ManagerBeatOk = z.object({ t: z.literal('beat-ok'), n: z.number().int() });

/** One attempt to run. Payload: the encoded argument array. */
export const Run = z.object({
  t: z.literal('run'),
  ...attemptOf,
  digest: Digest,
  mapDigest: Digest.optional(),
  name: z.string(),
  kind: FunctionKind,
  /** Content type of the arguments. */
  type: ContentType,
  timeoutMs: z.number().int().optional(),
  /** It was in the death of a worker before: it gets one to itself. */
  alone: z.boolean().optional(),
  bytes,
});
export type Run = z.infer<typeof Run>;

/** Ends in `result` with the outcome `cancelled`, or whatever came first. */
export const ManagerCancel = z.object({ t: z.literal('cancel'), ...attemptOf, reason: z.string().max(512) });

/** Tasks in one `kept` at the most: it is a header, which has its cap. */
export const KEPT_MOST = 4096;

/** These results and losses are in the agent's journal, or not wanted: the manager forgets them. */
export const Kept = z.object({
  t: z.literal('kept'),
  tasks: z.array(z.tuple([Id, z.number().int().min(1)])).max(KEPT_MOST),
});

/** The agent cannot get this bundle or source map. */
export const Missing = z.object({ t: z.literal('missing'), digest: Digest, reason: z.string().max(1024) });

/** Stop all workers and end. */
export const Stop = z.object({ t: z.literal('stop') });

export const AgentToManager = z.discriminatedUnion('t', [
  ManagerWelcome,
  ManagerBeatOk,
  Run,
  ManagerCancel,
  Kept,
  Part,
  Missing,
  Stop,
]);
export type AgentToManager = z.infer<typeof AgentToManager>;

/** The file (mode 0600) in which a manager finds its agent. It is read anew before each connect. */
export const Rendezvous = z.object({ url: z.string(), token: z.string() });
export type Rendezvous = z.infer<typeof Rendezvous>;
