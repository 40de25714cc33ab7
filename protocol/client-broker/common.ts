import * as z from 'zod';

/** A point in time: whole milliseconds since 1970-01-01 UTC, by the broker's clock unless said otherwise. */
export const Time = z.number().int().nonnegative();

/** A name people give: letters, digits, `-`, `_`, `.`; starts with a letter or digit. */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, "-", "_" and "." only, beginning with a letter or digit');

/** The name of a function: like a path, `folder/file#name`. */
export const FunctionName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[\p{L}\p{N}_$@][\p{L}\p{N}_$@./#:-]*$/u, 'letters, digits and _ $ @ . / # : - only');

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** The `next` of the page before. */
  cursor: z.string().max(512).optional(),
});

export const page = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().optional() });

export const mediaTypes = {
  json: 'application/json',
  problem: 'application/problem+json',
  bytes: 'application/octet-stream',
} as const;
