import { RunaboutError } from '../../protocol/errors/error.ts';
import { limits } from '../../protocol/limits.ts';
import { decodeValue, encodeValue } from '../../protocol/values/codec.ts';
import type { ContentType, Payload } from '../../protocol/values/payload.ts';
import type { UserFunction } from './bundles.ts';
import { report } from './channel.ts';
import { current } from './context.ts';

const now = Date.now;

/**
 * Calls the function and encodes what comes of it. What a generator yields is reported live, one by one; its value is
 * the array of all that.
 * @throws whatever the function throws; RunaboutError `result-not-sendable`, `result-too-large`
 */
export async function call(
  entry: UserFunction,
  args: Uint8Array,
  type: ContentType,
  yields: boolean,
): Promise<Payload> {
  const values = decodeValue({ type, bytes: args });
  if (!Array.isArray(values)) throw new RunaboutError('arguments-invalid', 'The arguments are not an array.');
  const returned = entry(...values);
  const value = yields && isIterable(returned) ? await collect(returned) : await returned;
  return encode(value);
}

/** The time spent after the function returned is not the function's. */
function encode(value: unknown): Payload {
  let payload: Payload;
  try {
    payload = encodeValue(value);
  } catch (error) {
    if (error instanceof RunaboutError) throw error;
    // A getter or `toJSON` of the value threw.
    throw new RunaboutError('result-not-sendable', `The value cannot be read: ${String(error)}`);
  }
  if (payload.bytes.length > limits.result) {
    throw new RunaboutError(
      'result-too-large',
      `The function returned ${payload.bytes.length} bytes; a result may have ${limits.result}.`,
      { hint: 'Return less, or write it somewhere and return its place.' },
    );
  }
  return payload;
}

type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>;

function isIterable(value: unknown): value is AnyIterable {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

async function collect(sequence: AnyIterable): Promise<unknown[]> {
  const items: unknown[] = [];
  let size = 0;
  for await (const item of sequence) {
    const { type, bytes } = encode(item);
    size += bytes.length;
    if (size > limits.result) {
      throw new RunaboutError(
        'result-too-large',
        `The function yielded more than ${limits.result} bytes, at item ${items.length}.`,
        { hint: 'Yield less, or write it somewhere and yield its place.' },
      );
    }
    items.push(item);
    const run = current();
    // It was stopped.
    if (!run) return items;
    const { task } = run;
    if (bytes.length <= limits.outputChunk) {
      report({ t: 'output', task, stream: 'item', at: now(), type }, bytes);
    } else {
      const note = `[runabout] Item ${items.length - 1} has ${bytes.length} bytes: too many to be shown live. It is in the result.\n`;
      report({ t: 'output', task, stream: 'stderr', at: now() }, Buffer.from(note));
    }
  }
  return items;
}
