// Binary frames of `protocol/frames.ts`: valid messages, damaged ones, and bytes that are no frames.
import * as fc from 'fast-check';
import type * as z from 'zod';
import { encodeMessage, type Header } from '../../../protocol/frames.ts';
import { damagedBytes, damagedJson } from './damage.ts';
import { hostileValue, toJson } from './hostile.ts';
import { valid } from './schema.ts';

const payload = fc.oneof(
  { weight: 3, arbitrary: fc.constant(new Uint8Array(0)) },
  { weight: 3, arbitrary: fc.json({ maxDepth: 2 }).map(text => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  { weight: 1, arbitrary: fc.constantFrom(20_000, 70_000).map(length => new Uint8Array(length)) },
);

/** One message that its schema accepts, and whose values have the sizes they say. */
export function validMessage(schema: z.core.$ZodType): fc.Arbitrary<Uint8Array> {
  return fc.tuple(valid(schema), payload).map(([header, bytes]) => {
    fitSizes(header, bytes.length);
    return encodeMessage(header as Header, bytes);
  });
}

/** Every value that travels in the payload says its size: the first has all of it, the rest are empty. */
function fitSizes(header: unknown, length: number): void {
  let left = length;
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    const ref = value as { type?: unknown; size?: unknown; blob?: unknown };
    if (typeof ref.type === 'string' && typeof ref.size === 'number' && ref.blob === undefined) {
      ref.size = left;
      left = 0;
    }
    for (const inner of Object.values(value)) walk(inner);
  };
  walk(header);
}

/** One message with a damaged header, or of a shape nobody knows. */
export function damagedMessage(schema: z.core.$ZodType): fc.Arbitrary<Uint8Array> {
  const header = fc.oneof(
    { weight: 8, arbitrary: damagedJson(valid(schema)) },
    { weight: 1, arbitrary: hostileValue },
    { weight: 1, arbitrary: hostileValue.map(t => ({ t })) },
  );
  return fc
    .tuple(
      header,
      payload,
      fc.nat(7).map(n => n > 0),
    )
    .map(([value, bytes, saysLength]) => {
      const text = toJson(
        saysLength && typeof value === 'object' && value !== null ? { ...value, bytes: bytes.length } : value,
      );
      return frameOf(text, bytes);
    });
}

/** A message with this text as its header, whatever it is. */
export function frameOf(header: string, bytes: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, bytes]);
}

/** Frames of a hop, as a bad peer sends them: valid ones in a wrong place, damaged ones, joined ones, and noise. */
export function hostileFrame(schema: z.core.$ZodType): fc.Arbitrary<Uint8Array> {
  const one = fc.oneof(
    { weight: 3, arbitrary: validMessage(schema) },
    { weight: 4, arbitrary: damagedMessage(schema) },
  );
  return fc.oneof(
    { weight: 8, arbitrary: one },
    { weight: 2, arbitrary: damagedBytes(one) },
    { weight: 1, arbitrary: fc.array(one, { minLength: 2, maxLength: 6 }).map(parts => Buffer.concat(parts)) },
    // Duplicates: the same message many times in one frame.
    {
      weight: 1,
      arbitrary: fc
        .tuple(validMessage(schema), fc.integer({ min: 2, max: 100 }))
        .map(([part, times]) =>
          Buffer.concat(new Array(times).fill(part.length < 2_000 ? part : frameOf('{"t":"beat","n":1}'))),
        ),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
  );
}
