import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  Holds,
  ManagerHello,
  type ManagerMessage,
  type ManagerWelcome,
  PROTO,
  type Rendezvous,
} from '../../protocol/agent-manager/messages.ts';
import { closeCodes, closeReason } from '../../protocol/close-codes.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { decodeFrame, encodeMessage } from '../../protocol/frames.ts';
import { limits } from '../../protocol/limits.ts';
import { ManagerLink } from './manager-link.ts';

export interface ListenerHandlers {
  welcome(): Omit<ManagerWelcome, 't' | 'proto'>;
  attached(link: ManagerLink, holds: Holds): void;
  take(link: ManagerLink, message: Exclude<ManagerMessage, ManagerHello>, payload: Uint8Array): void;
  detached(link: ManagerLink): void;
}

const HELLO_MS = 5_000;

/** Where managers of this endpoint connect. The address and a new token stand in a file only this user can read. */
export class ManagerListener {
  readonly #file: string;
  readonly #log: Logger;
  readonly #handlers: ListenerHandlers;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frame,
    perMessageDeflate: false,
  });
  readonly #token = randomBytes(32).toString('base64url');

  private constructor(file: string, log: Logger, handlers: ListenerHandlers) {
    this.#file = file;
    this.#log = log;
    this.#handlers = handlers;
    this.#server = createServer((_request, response) => response.writeHead(404).end());
    this.#server.on('upgrade', (request, socket, head) => {
      // Before it is a WebSocket, nobody else listens.
      socket.on('error', () => {});
      if (request.url !== '/v1/manager' || !this.#isToken(request)) {
        socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n');
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, accepted => this.#greet(accepted));
    });
  }

  /** @param file where the {@link Rendezvous} is written */
  static async open(file: string, log: Logger, handlers: ListenerHandlers): Promise<ManagerListener> {
    const listener = new ManagerListener(file, log, handlers);
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', reject);
      listener.#server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = listener.#server.address() as AddressInfo;
    const rendezvous: Rendezvous = { url: `http://127.0.0.1:${port}`, token: listener.#token };
    writeFileSync(`${file}.new`, `${JSON.stringify(rendezvous)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return listener;
  }

  /** Managers that come back find nothing, and end. */
  close(): void {
    rmSync(this.#file, { force: true });
    this.#server.close();
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  #isToken(request: IncomingMessage): boolean {
    const hash = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(hash(request.headers.authorization ?? ''), hash(`Bearer ${this.#token}`));
  }

  #greet(socket: WebSocket): void {
    const silent = setTimeout(() => socket.terminate(), HELLO_MS);
    socket.on('error', error => this.#log.warn({ error: error.message }, 'The connection of a manager failed.'));
    socket.once('message', (data: Buffer) => {
      clearTimeout(silent);
      try {
        const [first] = decodeFrame(data);
        if (!first) throw new RunaboutError('request-invalid', 'The first message is hello.');
        const hello = ManagerHello.parse(first.header);
        if (hello.proto !== PROTO) throw new Error(`It speaks version ${hello.proto} of the protocol, not ${PROTO}.`);
        const holds = Holds.parse(JSON.parse(Buffer.from(first.payload).toString('utf8')));
        this.#attach(socket, hello, holds);
      } catch (error) {
        this.#log.warn({ error: String(error) }, 'A manager said no valid hello.');
        socket.close(closeCodes.protocol, closeReason(error));
      }
    });
  }

  #attach(socket: WebSocket, hello: ManagerHello, holds: Holds): void {
    const welcome = this.#handlers.welcome();
    const link = new ManagerLink(
      hello,
      socket,
      (message, payload) => this.#handlers.take(link, message, payload),
      error => this.#log.error({ error: String(error) }, 'A manager sent what this agent does not understand.'),
      welcome.settings.tasksPerWorker,
    );
    socket.send(encodeMessage({ t: 'welcome', proto: PROTO, ...welcome } as { t: string }));
    socket.once('close', () => this.#handlers.detached(link));
    this.#handlers.attached(link, holds);
  }
}
