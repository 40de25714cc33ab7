/**
 * The binary framing of every socket and pipe between broker, agent, manager and worker. A *frame* is a sequence of
 * messages, each `[u32 big-endian header length][JSON header][payload]`; the header's `bytes` field gives the payload's
 * length (absent: none). The header can be read and checked; the payload is the user's and stays untouched.
 *
 * A *series* stands for several messages of one type: its header is `{t, of?, list, bytes}`, where each item of `list` is
 * the header of one of them without `t` and without what `of` says for all, and the payload is all of theirs in order.
 * To read and write one header for a hundred short tasks costs half as much as a hundred headers. It is a matter of the
 * framing alone: who reads messages gets them one by one.
 *
 * On a WebSocket one frame holds whole messages. On a pipe the same bytes form an endless stream, so messages may be
 * cut anywhere: {@link MessageReader} puts them together again.
 */
import { RunaboutError } from './errors/error.ts';
import { parseJson } from './json.ts';
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
  const out = encodeText(text, payload.length);
  out.set(payload, out.length - payload.length);
  return out;
}

/** What a series says for all of its messages. */
export type Shared = Readonly<Record<string, unknown>>;

/** Characters of a series' list at the most: far below the cap of a header in bytes. */
const SERIES_TEXT = limits.header / 4;

/** Messages of one type on their way into a frame: one message, or a series. */
export class Series {
  readonly #t: string;
  readonly #of: Shared | undefined;
  readonly #items: string[] = [];
  readonly #payloads: Uint8Array[] = [];
  #text = 0;
  #bytes = 0;

  /** @param of what the headers leave out, since it is the same for all */
  constructor(t: string, of?: Shared) {
    this.#t = t;
    this.#of = of;
  }

  /** How many bytes its payloads take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** `false`, and nothing added, when the message is of another type or kind, or the list is full. */
  add({ t, ...header }: Header, payload: Uint8Array = NO_BYTES, of?: Shared): boolean {
    if (t !== this.#t || !isSame(of, this.#of)) return false;
    const text = JSON.stringify(payload.length > 0 ? { ...header, bytes: payload.length } : header);
    if (this.#items.length > 0 && this.#text + text.length > SERIES_TEXT) return false;
    this.#items.push(text);
    this.#text += text.length;
    if (payload.length > 0) this.#payloads.push(payload);
    this.#bytes += payload.length;
    return true;
  }

  /** Its bytes, in parts. */
  encode(): Uint8Array[] {
    const t = `{"t":${JSON.stringify(this.#t)}`;
    const [item] = this.#items;
    if (this.#items.length === 1 && !this.#of) {
      return [encodeText(item === '{}' ? `${t}}` : `${t},${item!.slice(1)}`, 0), ...this.#payloads];
    }
    const of = this.#of ? `,"of":${JSON.stringify(this.#of)}` : '';
    const bytes = this.#bytes > 0 ? `,"bytes":${this.#bytes}` : '';
    return [encodeText(`${t}${of},"list":[${this.#items.join(',')}]${bytes}}`, 0), ...this.#payloads];
  }
}

function isSame(a: Shared | undefined, b: Shared | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every(key => a[key] === b[key]);
}

/** The length and the text of a header, with room for a payload behind it. */
function encodeText(text: string, room: number): Buffer {
  const length = Buffer.byteLength(text);
  const out = Buffer.allocUnsafe(4 + length + room);
  out.writeUInt32BE(length, 0);
  out.write(text, 4, 'utf8');
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
      const payload = end > headerEnd ? data.subarray(headerEnd, end) : NO_BYTES;
      const list = header.list;
      this.#checked(messages.length + (Array.isArray(list) ? list.length : 1), this.#maxMessages, 'number of messages');
      if (list === undefined) messages.push({ header, payload });
      else expand(header, payload, messages);
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

/** The messages that a series stands for. */
function expand({ t, of, list }: Message['header'], payload: Uint8Array, messages: Message[]): void {
  if (!Array.isArray(list)) throw new RunaboutError('frame-invalid', 'The list of a series is none.');
  let at = 0;
  for (const item of list) {
    if (typeof item !== 'object' || item === null) throw new RunaboutError('frame-invalid', 'An item is no header.');
    const header = { ...(of as object | undefined), ...item, t };
    const end = at + (header.bytes === undefined ? 0 : checkedBytes(header.bytes));
    messages.push({ header, payload: end > at ? payload.subarray(at, end) : NO_BYTES });
    at = end;
  }
  if (at !== payload.length) throw new RunaboutError('frame-invalid', 'The payloads of a series do not add up.');
}

function checkedBytes(bytes: unknown): number {
  if (Number.isSafeInteger(bytes) && (bytes as number) >= 0) return bytes as number;
  throw new RunaboutError('frame-invalid', 'A message gives no valid payload length.');
}

function parseHeader(text: string): Message['header'] {
  let header: unknown;
  try {
    header = parseJson(text);
  } catch {
    throw new RunaboutError('frame-invalid', 'A message header is not JSON, or nested too deeply.');
  }
  if (typeof header !== 'object' || header === null || typeof (header as Header).t !== 'string') {
    throw new RunaboutError('frame-invalid', 'A message header has no type.');
  }
  const { bytes } = header as Header;
  if (bytes !== undefined) checkedBytes(bytes);
  return header as Message['header'];
}
