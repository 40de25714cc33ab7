import { PART_BYTES, type Part } from '../../protocol/agent-manager/messages.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { type Digest, digestOf } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';

/** Cuts a blob into `part` messages. An empty blob is one empty part. */
export function* partsOf(digest: Digest, bytes: Uint8Array): Generator<[Part, Uint8Array]> {
  let offset = 0;
  do {
    const piece = bytes.subarray(offset, offset + PART_BYTES);
    yield [{ t: 'part', digest, offset, size: bytes.length }, piece];
    offset += piece.length;
  } while (offset < bytes.length);
}

/** Of blobs whose last part has not come. The sender sends one after the other. */
const MOST_HELD = 2 * limits.blob;

/** Puts `part` messages of one connection together again. */
export class PartReader {
  readonly #open = new Map<Digest, { size: number; length: number; pieces: Uint8Array[] }>();
  #held = 0;

  /**
   * The blob, when this was its last part.
   * @throws RunaboutError `frame-invalid` for a part out of order or over the cap, or `digest-mismatch`
   */
  push({ digest, offset, size }: Part, payload: Uint8Array): Buffer | undefined {
    if (size > limits.blob) throw new RunaboutError('frame-invalid', `A blob of ${size} bytes is over the cap.`);
    const blob = offset === 0 ? { size, length: 0, pieces: [] } : this.#open.get(digest);
    if (!blob || blob.size !== size || blob.length !== offset || offset + payload.length > size) {
      throw new RunaboutError('frame-invalid', 'A part of a blob is out of order.');
    }
    this.#held += payload.length - (offset === 0 ? (this.#open.get(digest)?.length ?? 0) : 0);
    if (this.#held > MOST_HELD) {
      throw new RunaboutError('frame-invalid', `More than ${MOST_HELD} bytes of blobs are incomplete.`);
    }
    blob.pieces.push(payload);
    blob.length += payload.length;
    if (blob.length < size) {
      this.#open.set(digest, blob);
      return undefined;
    }
    this.#open.delete(digest);
    this.#held -= size;
    const bytes = Buffer.concat(blob.pieces, size);
    if (digestOf(bytes) !== digest) {
      throw new RunaboutError('digest-mismatch', `The parts received are not those of ${digest}.`);
    }
    return bytes;
  }
}
