import * as z from 'zod';
import { Digest } from '../ids.ts';

/** How a user's value is encoded. The type travels with the bytes; nothing on the way decodes them. */
export const ContentType = z.enum(['application/json', 'application/msgpack']);
export type ContentType = z.infer<typeof ContentType>;

/** A user's value as bytes. */
export interface Payload {
  type: ContentType;
  bytes: Uint8Array;
}

/** A payload inside a JSON body: JSON as text, msgpack in base64, a large one by the digest of its blob. */
export const JsonPayload = z.union([
  z.strictObject({ type: z.literal('application/json'), text: z.string() }),
  z.strictObject({ type: ContentType, base64: z.base64() }),
  z.strictObject({ type: ContentType, blob: Digest, size: z.number().int().nonnegative() }),
]);
export type JsonPayload = z.infer<typeof JsonPayload>;

/** A payload as it goes into a JSON body. */
export function toJsonPayload(payload: Payload): JsonPayload {
  const bytes = Buffer.from(payload.bytes.buffer, payload.bytes.byteOffset, payload.bytes.byteLength);
  return payload.type === 'application/json'
    ? { type: payload.type, text: bytes.toString('utf8') }
    : { type: payload.type, base64: bytes.toString('base64') };
}

/** The bytes of an inline JSON payload; `undefined` for one that is a blob. */
export function fromJsonPayload(payload: JsonPayload): Payload | undefined {
  if ('text' in payload) return { type: payload.type, bytes: Buffer.from(payload.text, 'utf8') };
  if ('base64' in payload) return { type: payload.type, bytes: Buffer.from(payload.base64, 'base64') };
  return undefined;
}
