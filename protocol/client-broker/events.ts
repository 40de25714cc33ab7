/**
 * `GET /v1/events`, a WebSocket of JSON text frames. The client sends `sub` once; the broker answers `hello`, replays
 * what came after `from` and goes on live. Delivery is at least once: a client drops what it has seen by `seq`.
 */
import * as z from 'zod';
import { Id } from '../ids.ts';
import { EndpointRecord } from './endpoints.ts';
import { FunctionRecord } from './functions.ts';
import { OutputChunk, TaskRecord } from './tasks.ts';

/** The first and only message of the client. Absent `from`: only what comes from now on. */
export const Subscribe = z.strictObject({
  t: z.literal('sub'),
  from: z.number().int().nonnegative().optional(),
  /** Also send the output of running tasks. */
  output: z.boolean().default(false),
});
export type Subscribe = z.input<typeof Subscribe>;

/** `complete` is false when events after `from` were dropped already: the client reloads its lists. */
export const Hello = z.object({ t: z.literal('hello'), seq: z.number().int(), complete: z.boolean() });

/** The numbers count per owner and never go back. */
export const BrokerEvent = z.discriminatedUnion('t', [
  z.object({ t: z.literal('task'), seq: z.number().int(), task: TaskRecord }),
  z.object({ t: z.literal('endpoint'), seq: z.number().int(), endpoint: EndpointRecord }),
  z.object({ t: z.literal('endpoint-deleted'), seq: z.number().int(), id: Id }),
  z.object({ t: z.literal('function'), seq: z.number().int(), function: FunctionRecord }),
  z.object({ t: z.literal('function-deleted'), seq: z.number().int(), id: Id }),
]);
export type BrokerEvent = z.infer<typeof BrokerEvent>;

/** Output is live only, has no `seq` and is not replayed: what was missed is in `GET /v1/tasks/{id}/output`. */
export const OutputEvent = z.object({ t: z.literal('output'), task: Id, chunks: z.array(OutputChunk) });
export type OutputEvent = z.infer<typeof OutputEvent>;

/** One text frame of the broker: an array of messages. */
export const EventFrame = z.array(z.discriminatedUnion('t', [Hello, BrokerEvent, OutputEvent]));
export type EventFrame = z.infer<typeof EventFrame>;
