import type { ManagerOutput } from '../../protocol/agent-manager/messages.ts';
import { limits } from '../../protocol/limits.ts';
import type { ContentType } from '../../protocol/values/payload.ts';

type Stream = ManagerOutput['stream'];
export type Chunk = Pick<ManagerOutput, 'seq' | 'at' | 'stream' | 'type'>;

/** How long text waits for more of its stream, in milliseconds: a loop of small prints becomes a few chunks. */
const GATHER_MS = 10;

/**
 * The output of one attempt on its way up: numbered, in chunks of at most `limits.outputChunk` that never cut a
 * character, and at most `maxBytes` in all. What is over is dropped, and the last chunk says how much.
 */
export class OutputGate {
  readonly #emit: (chunk: Chunk, bytes: Uint8Array) => void;
  readonly #maxBytes: number;
  #seq = 0;
  #passed = 0;
  #dropped = 0;
  #open: { stream: Stream; at: number; pieces: Uint8Array[]; length: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(maxBytes: number, emit: (chunk: Chunk, bytes: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#emit = emit;
  }

  /** Text as it was printed; it may end inside a character. */
  text(stream: 'stdout' | 'stderr', at: number, bytes: Uint8Array): void {
    const room = Math.max(0, this.#maxBytes - this.#passed);
    this.#dropped += Math.max(0, bytes.length - room);
    const taken = bytes.subarray(0, room);
    if (taken.length === 0) return;
    this.#passed += taken.length;
    if (this.#open && this.#open.stream !== stream) this.#flush(true);
    this.#open ??= { stream, at, pieces: [], length: 0 };
    this.#open.pieces.push(taken);
    this.#open.length += taken.length;
    if (this.#open.length >= limits.outputChunk) this.#flush(false);
    else this.#timer ??= setTimeout(() => this.#flush(false), GATHER_MS);
  }

  /** One yielded value, encoded. */
  item(at: number, type: ContentType, bytes: Uint8Array): void {
    this.#flush(true);
    // A worker sends none that is larger than a chunk.
    if (this.#passed + bytes.length > this.#maxBytes || bytes.length > limits.outputChunk) {
      this.#dropped += bytes.length;
      return;
    }
    this.#passed += bytes.length;
    this.#emit({ seq: this.#seq++, at, stream: 'item', type }, bytes);
  }

  /** The attempt has ended: nothing is held back any more. */
  close(now: number): void {
    this.#flush(true);
    if (this.#dropped === 0) return;
    const note = `[runabout] ${this.#dropped} more bytes of output were dropped: a task may print ${this.#maxBytes}.\n`;
    this.#emit({ seq: this.#seq++, at: now, stream: 'stderr' }, Buffer.from(note));
  }

  /** @param whole also what ends inside a character; otherwise those bytes wait for the rest of theirs */
  #flush(whole: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    const bytes = open.pieces.length === 1 ? open.pieces[0]! : Buffer.concat(open.pieces, open.length);
    let at = 0;
    while (at < bytes.length) {
      const rest = bytes.subarray(at, at + limits.outputChunk);
      const last = at + rest.length === bytes.length;
      const length = last && whole ? rest.length : wholeCharacters(rest);
      if (length === 0) break;
      this.#emit({ seq: this.#seq++, at: open.at, stream: open.stream }, rest.subarray(0, length));
      at += length;
    }
    if (at < bytes.length) this.#open = { ...open, pieces: [bytes.subarray(at)], length: bytes.length - at };
  }
}

/** How many of these UTF-8 bytes are whole characters. Bytes that are no UTF-8 at all count as whole. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
