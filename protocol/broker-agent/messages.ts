/**
 * What agent and broker say to each other on `GET /v1/agent` (a WebSocket, binary frames of `../frames.ts`). The agent
 * connects, says `hello`, and gets `welcome`. Every message that concerns a task names its attempt: that pair is the
 * fence. Anything of an unknown type, or not of its schema, closes the socket with 4008.
 */
import * as z from 'zod';
import { Time } from '../client-broker/common.ts';
import { HostInfo, WorkerCounts } from '../client-broker/endpoints.ts';
import { FunctionKind } from '../client-broker/functions.ts';
import { outputStreams, Timings } from '../client-broker/tasks.ts';
import { Digest, Id } from '../ids.ts';
import { TaskError } from '../tasks/error.ts';
import { ContentType } from '../values/payload.ts';

/** The version of this hop's protocol. */
export const PROTO = 1;

const attemptOf = { task: Id, attempt: z.number().int().min(1) };
const bytes = z.number().int().nonnegative().optional();

/** Where an attempt stands in the agent's journal. */
export const Phase = z.enum(['accepted', 'started', 'ended']);
export type Phase = z.infer<typeof Phase>;

/** A value that is this message's payload, or too large for it and stored as a blob. */
const ValueRef = z.object({ type: ContentType, blob: Digest.optional(), size: z.number().int().nonnegative() });
export type ValueRef = z.infer<typeof ValueRef>;

// Agent to broker.

export const AgentHello = z.object({
  t: z.literal('hello'),
  proto: z.number().int(),
  /** New for each start of the agent process; the same over its reconnects. */
  session: Id,
  host: HostInfo,
  workers: WorkerCounts,
  bytes,
});

/** Payload of `hello`, as JSON: every attempt that the agent's journal holds. */
export const Have = z.array(z.tuple([Id, z.number().int().min(1), Phase])).max(200_000);
export type Have = z.infer<typeof Have>;
export type AgentHello = z.infer<typeof AgentHello>;

/** Renews the lease; sent every `leaseMs / 3`. */
export const Beat = z.object({ t: z.literal('beat'), n: z.number().int() });

/** How many more tasks the agent takes: the broker adds it to what is left. */
export const Credit = z.object({ t: z.literal('credit'), add: z.number().int().min(1) });

/** The attempt is in the agent's journal and waits. Repeated for a repeated `task`; one that starts at once says `started`. */
export const Accept = z.object({ t: z.literal('accept'), ...attemptOf });

/** It began `ago` ms before: a time would need clocks that agree. */
export const Started = z.object({ t: z.literal('started'), ...attemptOf, ago: z.number().int().nonnegative() });

/** Payload: the bytes of this chunk (text in UTF-8, or one yielded value of the content type `type`). */
export const Output = z.object({
  t: z.literal('output'),
  ...attemptOf,
  seq: z.number().int().nonnegative(),
  at: Time,
  stream: z.enum(outputStreams),
  type: ContentType.optional(),
  bytes,
});
export type Output = z.infer<typeof Output>;

/** The attempt ended. Payload: the value, unless it is a blob. The agent keeps it until `confirm` or `stale`. */
export const Result = z.object({
  t: z.literal('result'),
  ...attemptOf,
  outcome: z.enum(['succeeded', 'failed', 'cancelled']),
  value: ValueRef.optional(),
  error: TaskError.optional(),
  timings: Timings,
  bytes,
});
export type Result = z.infer<typeof Result>;

/** The attempt is gone without a result. `workerDied`: it took its worker with it, which counts towards poison. */
export const Lost = z.object({
  t: z.literal('lost'),
  ...attemptOf,
  reason: z.string().max(1024),
  workerDied: z.boolean(),
});
export type Lost = z.infer<typeof Lost>;

/** The attempt waits inside the agent, and why (bundle on its way, worker starting). */
export const Preparing = z.object({ t: z.literal('preparing'), ...attemptOf, text: z.string().max(512) });

/** How the endpoint is; sent when it changes. `problem`: why it cannot take tasks. */
export const Status = z.object({
  t: z.literal('status'),
  workers: WorkerCounts,
  problem: z.string().max(1024).optional(),
});

/** The agent stops in order. What it holds is put back at once. */
export const Bye = z.object({ t: z.literal('bye') });

export const AgentMessage = z.discriminatedUnion('t', [
  AgentHello,
  Beat,
  Credit,
  Accept,
  Started,
  Output,
  Result,
  Lost,
  Preparing,
  Status,
  Bye,
]);
export type AgentMessage = z.infer<typeof AgentMessage>;

// Broker to agent.

export const Welcome = z.object({
  t: z.literal('welcome'),
  proto: z.number().int(),
  epoch: z.number().int(),
  leaseMs: z
    .number()
    .int()
    .min(100)
    .max(24 * 3600_000),
  endpoint: z.object({ id: Id, name: z.string() }),
  bytes,
});

/**
 * Payload of `welcome`, as JSON: which attempts of `have` are still wanted, and which to stop and forget. Those only
 * the broker knows follow as `task`, with the same attempt.
 */
export const Reconciled = z.object({
  keep: z.array(z.tuple([Id, z.number().int()])),
  drop: z.array(z.tuple([Id, z.number().int()])),
});
export type Reconciled = z.infer<typeof Reconciled>;
export type Welcome = z.infer<typeof Welcome>;

export const BeatOk = z.object({ t: z.literal('beat-ok'), n: z.number().int() });
export type BeatOk = z.infer<typeof BeatOk>;

const code = { digest: Digest, mapDigest: Digest.optional(), name: z.string(), kind: FunctionKind };

/** What to run: the same for all tasks of a function's version, which makes it the common part of a series. */
export type FunctionCode = z.infer<z.ZodObject<typeof code>>;

/** One attempt to run. Payload: the encoded argument array, unless it is a blob. */
export const Task = z.object({
  t: z.literal('task'),
  ...attemptOf,
  ...code,
  args: ValueRef,
  timeoutMs: z.number().int().optional(),
  /** It was in the death of a worker before: it gets one to itself. */
  alone: z.boolean().optional(),
  bytes,
});
export type Task = z.infer<typeof Task>;

export const Cancel = z.object({ t: z.literal('cancel'), ...attemptOf, reason: z.string().max(512) });
export type Cancel = z.infer<typeof Cancel>;

/** The result is committed: the agent deletes it. */
export const Confirm = z.object({ t: z.literal('confirm'), ...attemptOf });
export type Confirm = z.infer<typeof Confirm>;

/** The attempt is not the current one, or the task has ended otherwise: the agent drops it. */
export const Stale = z.object({ t: z.literal('stale'), ...attemptOf });
export type Stale = z.infer<typeof Stale>;

export const BrokerMessage = z.discriminatedUnion('t', [Welcome, BeatOk, Task, Cancel, Confirm, Stale]);
export type BrokerMessage = z.infer<typeof BrokerMessage>;
