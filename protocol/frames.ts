/**
 * The binary framing of every socket and pipe between broker, agent, manager and worker. A *frame* is a sequence of
 * messages, each `[u32 big-endian header length][JSON header][payload]`; the header's `bytes` field gives the payload's
 * length (absent: none). The header can be read and checked; the payload is the user's and stays untouched.
 *
 * On a WebSocket one frame holds whole messages. On a pipe the same bytes form an endless stream, so messages may be
 * cut anywhere: {@link MessageReader} puts them together again.
 */
import { RunaboutError } from './errors/error.ts';
import { limits } from './limits.ts';

/** Any message header: `t` names its type. */
export interface Header {
  t: string;
  /** Length of the payload that follows, in bytes. */
  bytes?: number | undefined;
}

export interface Message {
  header: Header & Record<string, unknown>;
  payload: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

/** One message as bytes. `bytes` of the header is set from the payload. */
export function encodeMessage(header: Header, payload: Uint8Array = NO_BYTES): Uint8Array {
  const text = JSON.stringify(payload.length > 0 ? { ...header, bytes: payload.length } : header);
  const headerLength = Buffer.byteLength(text);
  const out = Buffer.allocUnsafe(4 + headerLength + payload.length);
  out.writeUInt32BE(headerLength, 0);
  out.write(text, 4, 'utf8');
  out.set(payload, 4 + headerLength);
  return out;
}

/**
 * Every message of one whole frame.
 * @throws RunaboutError `frame-invalid` when it is cut, or no JSON object with a string `t`, or over a size cap
 */
export function decodeFrame(frame: Uint8Array): Message[] {
  const reader = new MessageReader(limits.blob, limits.frameMessages);
  const messages = reader.push(frame);
  if (reader.pending > 0) throw new RunaboutError('frame-invalid', 'A frame ends inside a message.');
  return messages;
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
  #waiting: Buffer[] = [];
  #length = 0;
  /** Bytes that have to be there before the next message can be complete: nothing is joined before that. */
  #needed = 4;
  readonly #maxPayload: number;

  readonly #maxMessages: number;

  /** @param maxMessages that may come at once: a frame of nothing but tiny ones takes a hundred times its size */
  constructor(maxPayload: number = limits.blob, maxMessages = Number.POSITIVE_INFINITY) {
    this.#maxPayload = maxPayload;
    this.#maxMessages = maxMessages;
  }

  /** Bytes that wait for the rest of their message. */
  get pending(): number {
    return this.#length;
  }

  /**
   * The messages that are complete with these bytes. Payloads are views of the bytes read.
   * @throws RunaboutError `frame-invalid`; the stream cannot be read on after that
   */
  push(bytes: Uint8Array): Message[] {
    this.#waiting.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#length += bytes.byteLength;
    if (this.#length < this.#needed) return [];

    const data = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting, this.#length);
    const messages: Message[] = [];
    let at = 0;
    this.#needed = 4;
    while (data.length - at >= 4) {
      const headerEnd = at + 4 + this.#checked(data.readUInt32BE(at), limits.header, 'header length');
      this.#needed = headerEnd - at;
      if (data.length < headerEnd) break;
      const header = parseHeader(data.toString('utf8', at + 4, headerEnd));
      const end = headerEnd + this.#checked(header.bytes ?? 0, this.#maxPayload, 'payload length');
      this.#needed = end - at;
      if (data.length < end) break;
      this.#checked(messages.length + 1, this.#maxMessages, 'number of messages');
      messages.push({ header, payload: end > headerEnd ? data.subarray(headerEnd, end) : NO_BYTES });
      at = end;
      this.#needed = 4;
    }
    this.#length = data.length - at;
    this.#waiting = this.#length > 0 ? [data.subarray(at)] : [];
    return messages;
  }

  #checked(length: number, cap: number, what: string): number {
    if (length > cap) throw new RunaboutError('frame-invalid', `A ${what} of ${length} is over the cap of ${cap}.`);
    return length;
  }
}

function parseHeader(text: string): Message['header'] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new RunaboutError('frame-invalid', 'A message header is not JSON.');
  }
  if (typeof header !== 'object' || header === null || typeof (header as Header).t !== 'string') {
    throw new RunaboutError('frame-invalid', 'A message header has no type.');
  }
  const { bytes } = header as Header;
  if (bytes !== undefined && !(Number.isSafeInteger(bytes) && bytes >= 0)) {
    throw new RunaboutError('frame-invalid', 'A message gives no valid payload length.');
  }
  return header as Message['header'];
}
