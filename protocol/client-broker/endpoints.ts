import * as z from 'zod';
import { Id } from '../ids.ts';
import { Name, PageQuery, page, Time } from './common.ts';

/** The machine an agent runs on, as the agent says. */
export const HostInfo = z.object({
  name: z.string().max(256),
  platform: z.string().max(64),
  arch: z.string().max(64),
  cpus: z.number().int(),
  memoryBytes: z.number().int(),
  node: z.string().max(64),
  agentVersion: z.string().max(64),
});
export type HostInfo = z.infer<typeof HostInfo>;

export const WorkerCounts = z.object({
  /** Workers there may be at most. */
  total: z.number().int().nonnegative(),
  /** How many tasks each of them runs at once, where that is more than one. */
  tasksEach: z.number().int().min(2).optional(),
  /** Tasks that run. */
  busy: z.number().int().nonnegative(),
  starting: z.number().int().nonnegative(),
});
export type WorkerCounts = z.infer<typeof WorkerCounts>;

export const EndpointStatus = z.object({
  /** `new`: no agent has connected yet. */
  state: z.enum(['new', 'online', 'offline']),
  since: Time,
  workers: WorkerCounts.optional(),
  queued: z.number().int().nonnegative(),
  running: z.number().int().nonnegative(),
  /** Why the endpoint cannot take tasks now, as the agent says it. */
  problem: z.string().max(1024).optional(),
});
export type EndpointStatus = z.infer<typeof EndpointStatus>;

export const EndpointRecord = z.object({
  id: Id,
  name: Name,
  description: z.string().optional(),
  owner: z.object({ id: Id, name: z.string() }),
  createdAt: Time,
  host: HostInfo.optional(),
  status: EndpointStatus,
});
export type EndpointRecord = z.infer<typeof EndpointRecord>;

/** `POST /v1/endpoints` */
export const CreateEndpoint = z.strictObject({ name: Name, description: z.string().max(1024).optional() });
export type CreateEndpoint = z.infer<typeof CreateEndpoint>;

/** The agent's token is shown this once; the broker keeps its hash. `POST /v1/endpoints/{id}/token` makes a new one and revokes the old. */
export const CreatedEndpoint = z.object({ endpoint: EndpointRecord, token: z.string() });
export type CreatedEndpoint = z.infer<typeof CreatedEndpoint>;

export const EndpointQuery = PageQuery.extend({ name: Name.optional() });
export type EndpointQuery = z.input<typeof EndpointQuery>;

export const EndpointPage = page(EndpointRecord);
