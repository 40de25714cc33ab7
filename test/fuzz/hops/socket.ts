import { once } from 'node:events';
import { WebSocket } from 'ws';
import { checkClose } from '../answers.ts';
import { must, Violation, within } from '../violation.ts';
import { MARKER } from '../world.ts';

/** How long anything on a socket may take, in milliseconds. Never met by what is well: it guards against hanging. */
const PATIENCE_MS = 30_000;

/** A real WebSocket as a bad peer holds it, watched for how it ends and for what is not its own. */
export class PeerSocket {
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | undefined;
  leaked = false;
  readonly #ended: Promise<unknown>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('message', data => {
      if ((data as Buffer).includes(MARKER)) this.leaked = true;
    });
    this.#ended = new Promise<void>(resolve => {
      socket.once('close', (code, reason) => {
        this.closed = { code, reason: String(reason) };
        resolve();
      });
    });
  }

  static async open(url: string, path: string, token: string): Promise<PeerSocket> {
    const socket = new WebSocket(url.replace(/^http/, 'ws') + path, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    const peer = new PeerSocket(socket);
    const failed = new Promise<never>((_resolve, reject) =>
      socket.once('error', error => reject(new Violation(`A socket does not open: ${error}`))),
    );
    await within(PATIENCE_MS, 'A socket opens', Promise.race([once(socket, 'open'), failed]));
    return peer;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Waits until the other side has read all that was sent, by then it has closed the socket or still answers. */
  async settle(): Promise<void> {
    const { socket } = this;
    if (this.isOpen) socket.ping();
    await within(PATIENCE_MS, 'A socket answers or closes', Promise.race([once(socket, 'pong'), this.#ended]));
  }

  /** Ends it, and checks how it ended if the other side did. Returns the code and the first word of that. */
  async end(): Promise<string> {
    must(!this.leaked, 'A socket was sent what belongs to somebody else.');
    const { socket, closed } = this;
    if (!closed && this.isOpen) {
      socket.terminate();
      await within(PATIENCE_MS, 'A socket ends', this.#ended);
      return 'open';
    }
    await within(PATIENCE_MS, 'A socket ends', this.#ended);
    const { code, reason } = this.closed!;
    checkClose(code, reason);
    return `${code} ${reason.split(':')[0]}`.trim();
  }
}

/** How the other side closes a socket that it opened, checked. One that we ended ourselves says nothing. */
export function closeOf(socket: WebSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('close', (code, bytes) => {
      const reason = String(bytes);
      try {
        // 1006: the connection is gone, most of the time because this side ended it.
        if (code !== 1006) checkClose(code, reason);
        resolve(`${code} ${reason.split(':')[0]}`.trim());
      } catch (error) {
        reject(error);
      }
    });
  });
}
