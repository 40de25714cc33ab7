/** Finds the WebSocket frames (RFC 6455, 5.2) in the bytes of one direction, and remembers the last whole ones after the first. */
export class FrameCutter {
  readonly #remember: number;
  readonly #frames: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);
  /** The HTTP upgrade is over: frames follow. Stays false on a connection of plain requests. */
  #upgraded = false;
  #isHttp = false;
  #greeted = false;

  constructor(remember: number) {
    this.#remember = remember;
  }

  get inFrames(): boolean {
    return this.#upgraded;
  }

  /** Takes the next bytes. Returns whether they end with a frame, so that another one may follow. */
  push(bytes: Buffer): boolean {
    if (this.#isHttp) return false;
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (!this.#upgraded) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return false;
      const head = this.#rest.subarray(0, end).toString('latin1');
      this.#rest = this.#rest.subarray(end + 4);
      if (!/^upgrade: websocket/im.test(head)) {
        this.#isHttp = true;
        this.#rest = Buffer.alloc(0);
        return false;
      }
      this.#upgraded = true;
    }
    for (let length = frameLength(this.#rest); length !== undefined; length = frameLength(this.#rest)) {
      if (this.#rest.length < length) return false;
      // A greeting that comes twice only ends the connection, and nothing else would be seen.
      if (this.#greeted) this.#frames.push(this.#rest.subarray(0, length));
      this.#greeted = true;
      if (this.#frames.length > this.#remember) this.#frames.shift();
      this.#rest = this.#rest.subarray(length);
    }
    return this.#rest.length === 0;
  }

  /** The oldest frame that is remembered, and forgets it. */
  oldest(): Buffer | undefined {
    return this.#frames.shift();
  }
}

/** Length of the frame that the bytes begin with, head and mask included; `undefined` as long as it is not known. */
function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const masked = (bytes[1]! & 0x80) !== 0 ? 4 : 0;
  const short = bytes[1]! & 0x7f;
  if (short < 126) return 2 + masked + short;
  if (short === 126) return bytes.length < 4 ? undefined : 4 + masked + bytes.readUInt16BE(2);
  return bytes.length < 10 ? undefined : 10 + masked + Number(bytes.readBigUInt64BE(2));
}
