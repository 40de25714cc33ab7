import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { endpointPaths } from '../../agent/endpoint/folder.ts';
import { lockHolder } from '../../agent/endpoint/lock.ts';
import { startEndpoint, stopEndpoint, writeEndpoint } from '../../agent/index.ts';
import type { Rendezvous } from '../../protocol/agent-manager/messages.ts';
import { PROTO, type Welcome } from '../../protocol/broker-agent/messages.ts';
import { encodeMessage } from '../../protocol/frames.ts';
import { digestOf, newId } from '../../protocol/ids.ts';
import { must, Violation, within } from './violation.ts';

const CODE = Buffer.from('export default () => 1;\n');
const ID = newId();

/** A broker that means its agents ill, and a real agent that was led to it. */
export class HostileBroker {
  readonly #server: Server;
  readonly #ref: { home: string; name: string };
  readonly #sockets: WebSocket[] = [];
  #arrived: (() => void) | undefined;
  /** A bundle that it serves. */
  readonly digest = digestOf(CODE);

  private constructor(home: string) {
    this.#ref = { home, name: 'led' };
    let asked = 0;
    this.#server = createServer((request, response) => {
      request.resume();
      const wanted = request.url?.split('/').at(-1);
      if (wanted === this.digest) response.end(CODE);
      // Anything else: nothing, noise, a wrong status, or the wrong bytes.
      else if (++asked % 4 === 0) response.writeHead(404, { 'content-type': 'text/html' }).end('<html>');
      else if (asked % 4 === 1) response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
      else response.end(CODE);
    });
    const sockets = new WebSocketServer({ server: this.#server, path: '/v1/agent' });
    sockets.on('connection', socket => {
      socket.on('error', () => {});
      this.#sockets.push(socket);
      this.#arrived?.();
    });
  }

  /** @param folder where the agent's home is */
  static async start(folder: string): Promise<HostileBroker> {
    const home = join(folder, 'led');
    const broker = new HostileBroker(home);
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    const url = `http://127.0.0.1:${(broker.#server.address() as AddressInfo).port}`;
    writeEndpoint({ ...broker.#ref, id: ID, url, token: 'rba_not-checked', workers: 1 });
    const started = startEndpoint(broker.#ref);
    const socket = await broker.connection();
    broker.welcome(socket);
    await started;
    socket.terminate();
    return broker;
  }

  get paths() {
    return endpointPaths(this.#ref);
  }

  /** Where the agent's managers connect, and who its manager is. */
  rendezvous(): Rendezvous & { manager: string } {
    const { url, token } = JSON.parse(readFileSync(this.paths.rendezvous, 'utf8')) as Rendezvous;
    return { url, token, manager: this.#manager() ?? newId() };
  }

  /** `undefined` while the one before is dead and the next is not there. */
  #manager(): string | undefined {
    try {
      return (JSON.parse(readFileSync(this.paths.blocks, 'utf8')) as { manager: string }[])[0]?.manager;
    } catch {
      return undefined;
    }
  }

  /** The agent's next connection: it comes back whenever one ends. */
  async connection(): Promise<WebSocket> {
    const arrived = new Promise<void>(resolve => {
      this.#arrived = resolve;
    });
    if (this.#sockets.length === 0) await within(40_000, 'The agent connects again', arrived);
    const socket = this.#sockets.shift()!;
    return socket.readyState === socket.OPEN ? socket : await this.connection();
  }

  welcome(socket: WebSocket, extra: object = {}): void {
    const endpoint = { id: ID, name: 'led' };
    const header: Welcome = { t: 'welcome', proto: PROTO, epoch: 1, leaseMs: 60_000, endpoint, ...extra };
    socket.send(encodeMessage(header, Buffer.from('{"keep":[],"drop":[]}')));
  }

  /** The agent runs, and has written nothing outside of its folder, nor anything else into it. */
  checkAgent(): void {
    must(lockHolder(this.paths.lock) !== undefined, 'The agent has ended.');
    const strange = readdirSync(this.#ref.home, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(this.#ref.home.length))
      .filter(path => !OWN.test(path));
    must(strange.length === 0, `The agent has written ${strange.join(', ')}.`);
    const log = readFileSync(this.paths.log, 'utf8');
    const crash = /^.*(?:Uncaught|TypeError|RangeError|ReferenceError|"level":60).*$/m.exec(log);
    if (crash) throw new Violation(`The agent logged: ${crash[0].slice(0, 500)}`);
  }

  async stop(): Promise<void> {
    await stopEndpoint(this.#ref).catch(() => {});
    for (const socket of this.#sockets) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Every file that an agent may have in its home. */
const OWN =
  /^\/endpoints\/led\/(endpoint\.conf|token|agent\.lock|state\.json(\.new)?|agent\.log|journal\.sqlite(-wal|-shm|-journal)?|(blocks|managers)\.json(\.new)?|cache\/\.?[0-9a-f-]+|managers\/.*)$/;
