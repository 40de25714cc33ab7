import * as z from 'zod';
import { Digest, Id } from '../ids.ts';
import { limits } from '../limits.ts';
import { FunctionName, PageQuery, page, Time } from './common.ts';

/** How a function is called and what comes back. A generator's yields arrive as a live sequence. */
export const FunctionKind = z.enum(['sync', 'async', 'generator', 'async-generator']);
export type FunctionKind = z.infer<typeof FunctionKind>;

/** What is known of a version besides its code. */
export const VersionDetails = z.object({
  kind: FunctionKind,
  /** JSON Schema 2020-12 of the argument array (`type: "array"`, `prefixItems`). */
  parameters: z.record(z.string(), z.unknown()).optional(),
  description: z.string().max(4096).optional(),
  /** Where the function stood when it was pushed: file relative to its project, line from 1. */
  source: z.object({ file: z.string().max(1024), line: z.number().int().min(1) }).optional(),
  /** The source map of the bundle, uploaded like a bundle. */
  mapDigest: Digest.optional(),
});
export type VersionDetails = z.infer<typeof VersionDetails>;

/** `POST /v1/functions`: registers a digest under a name. The bundle has to be uploaded first. */
export const RegisterFunction = z.strictObject({
  name: FunctionName,
  digest: Digest,
  details: VersionDetails.refine(({ parameters }) => isBounded(parameters), {
    path: ['parameters'],
    error: `nested deeper than ${limits.schemaDepth} levels, or larger than ${limits.schema} bytes`,
  }),
});
export type RegisterFunction = z.infer<typeof RegisterFunction>;

/** One immutable version of a function. */
export const FunctionVersion = z.object({
  version: z.number().int().min(1),
  digest: Digest,
  size: z.number().int(),
  createdAt: Time,
  details: VersionDetails,
});
export type FunctionVersion = z.infer<typeof FunctionVersion>;

export const FunctionRecord = z.object({
  id: Id,
  name: FunctionName,
  owner: z.object({ id: Id, name: z.string() }),
  createdAt: Time,
  latest: FunctionVersion,
});
export type FunctionRecord = z.infer<typeof FunctionRecord>;

/** `created` is false when the newest version of that name already had this digest. */
export const RegisteredFunction = z.object({
  function: FunctionRecord,
  version: FunctionVersion,
  created: z.boolean(),
});
export type RegisteredFunction = z.infer<typeof RegisteredFunction>;

/** `GET /v1/functions`: `name` is exact, `search` finds words in name and description. */
export const FunctionQuery = PageQuery.extend({
  name: FunctionName.optional(),
  search: z.string().max(256).optional(),
});
export type FunctionQuery = z.input<typeof FunctionQuery>;

export const FunctionPage = page(FunctionRecord);
export const VersionPage = page(FunctionVersion);

/** Whether a JSON value keeps to the limits of a schema. Level by level: recursion would be what it guards against. */
function isBounded(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.schemaDepth) return false;
    level = level.flatMap(item => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return value === undefined || JSON.stringify(value).length <= limits.schema;
}
