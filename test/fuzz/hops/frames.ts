import * as fc from 'fast-check';
import type * as z from 'zod';
import { AgentToManager, ManagerMessage } from '../../../protocol/agent-manager/messages.ts';
import { AgentMessage, BrokerMessage } from '../../../protocol/broker-agent/messages.ts';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import { decodeFrame, type Message, MessageReader } from '../../../protocol/frames.ts';
import { WorkerCommand, WorkerReport } from '../../../protocol/manager-worker/messages.ts';
import { hostileFrame } from '../generators/frames.ts';
import type { Hop } from '../hop.ts';
import { must, Violation } from '../violation.ts';

/** Every schema that a frame's headers are checked against. */
const schemas = { AgentMessage, BrokerMessage, ManagerMessage, AgentToManager, WorkerReport, WorkerCommand };

interface Framed {
  of: keyof typeof schemas;
  bytes: Uint8Array;
  /** Sizes of the pieces that a pipe cuts it into. */
  pieces: number[];
}

const framed: fc.Arbitrary<Framed> = fc.oneof(
  ...Object.entries(schemas).map(([of, schema]) =>
    fc.record({
      of: fc.constant(of as keyof typeof schemas),
      bytes: hostileFrame(schema),
      pieces: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }),
    }),
  ),
);

/** Frames and the schemas of every hop, in process: what they take, they take whole and in any pieces, or refuse. */
export function framesHop(): Hop<Framed> {
  return {
    name: 'frames',
    share: 20,
    lanes: 1,
    input: framed,
    count: () => 1,
    check({ of, bytes, pieces }) {
      const whole = refused(() => decodeFrame(bytes));
      const inPieces = refused(() => readInPieces(bytes, pieces));
      if (!whole) return 'refused';
      must(inPieces !== undefined && same(whole, inPieces), 'A frame reads otherwise in pieces than as a whole.');
      const accepted = whole.filter(({ header }) => checkSchema(schemas[of], header)).length;
      return accepted === whole.length ? 'accepted' : 'schema refuses';
    },
  };
}

/** The outcome of a reader, or `undefined` when it refused as it should. */
function refused(read: () => Message[]): Message[] | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RunaboutError && error.code === 'frame-invalid') return undefined;
    throw new Violation(`A frame is refused with something else: ${error}`, { cause: error });
  }
}

function readInPieces(bytes: Uint8Array, pieces: readonly number[]): Message[] {
  const reader = new MessageReader();
  const messages: Message[] = [];
  // At every byte where that is affordable.
  const sizes = bytes.length <= 400 ? [1] : pieces;
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = bytes.length > 20_000 ? 4_096 : sizes[i % sizes.length]!;
    messages.push(...reader.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return messages;
}

function same(a: Message[], b: Message[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ header, payload }, i) => {
      const other = b[i]!;
      return (
        Buffer.compare(payload, other.payload) === 0 && Object.keys(header).length === Object.keys(other.header).length
      );
    })
  );
}

/** It accepts or it refuses; and what it accepts is an object of plain data without anything of a prototype. */
function checkSchema(schema: z.ZodType, header: Message['header']): boolean {
  let parsed: z.ZodSafeParseResult<unknown>;
  try {
    parsed = schema.safeParse(header);
  } catch (error) {
    throw new Violation(`A schema throws instead of refusing: ${error}`, { cause: error });
  }
  must(({} as { admin?: unknown }).admin === undefined, 'A message changed the prototype of every object.');
  if (!parsed.success) return false;
  must(Object.getPrototypeOf(parsed.data) === Object.prototype, 'A message brings a prototype of its own.');
  return true;
}
