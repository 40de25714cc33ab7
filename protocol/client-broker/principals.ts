import * as z from 'zod';
import { Id } from '../ids.ts';
import { Name, Time } from './common.ts';

/** Who a token stands for: the owner of the broker, a user, or the agent of one endpoint. */
export const Principal = z.object({
  id: Id,
  kind: z.enum(['owner', 'user', 'agent']),
  name: z.string(),
  createdAt: Time,
});
export type Principal = z.infer<typeof Principal>;

/** `POST /v1/users` (owner only): a new user and their token, shown this once. */
export const CreateUser = z.strictObject({ name: Name });
export const CreatedUser = z.object({ user: Principal, token: z.string() });
export type CreatedUser = z.infer<typeof CreatedUser>;

/** `GET /v1/whoami` */
export const WhoAmI = z.object({ principal: Principal, broker: z.object({ version: z.string(), name: z.string() }) });
export type WhoAmI = z.infer<typeof WhoAmI>;
