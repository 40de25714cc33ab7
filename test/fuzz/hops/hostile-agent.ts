import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  AgentToManager,
  type ManagerWelcome,
  PROTO,
  type Rendezvous,
  type WorkerSettings,
} from '../../../protocol/agent-manager/messages.ts';
import { programUrl } from '../../../protocol/entries.ts';
import { encodeMessage } from '../../../protocol/frames.ts';
import { newId } from '../../../protocol/ids.ts';
import { hostileFrame, validMessage } from '../generators/frames.ts';
import { fillBytes, type Names } from '../generators/names.ts';
import type { Hop } from '../hop.ts';
import { must, within } from '../violation.ts';
import { closeOf } from './socket.ts';

interface Session {
  welcomes: boolean;
  frames: Uint8Array[];
}

const session: fc.Arbitrary<Session> = fc.record({
  welcomes: fc.nat(5).map(n => n > 0),
  frames: fc.array(
    fc.oneof(
      { weight: 2, arbitrary: validMessage(AgentToManager) },
      { weight: 1, arbitrary: hostileFrame(AgentToManager) },
    ),
    { maxLength: 20, size: 'max' },
  ),
});

const settings: WorkerSettings = {
  environment: {},
  tasksPerWorker: 1,
  graceMs: 100,
  outputBytes: 1_000_000,
  cacheBytes: 64_000_000,
};
const welcome: ManagerWelcome = {
  t: 'welcome',
  proto: PROTO,
  endpoint: 'fuzz',
  beatMs: 1_000,
  orphanMs: 60_000,
  settings,
};

/** Of so many messages that stop the manager one is sent: to start another takes as long as a hundred others. */
const STOPS = 20;
const isStop = (frame: Uint8Array) => Buffer.from(frame).includes('"stop"');

/** What an agent says to a real manager with a real worker. One that was told to stop is started anew. */
export class HostileAgent {
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets: WebSocket[] = [];
  #arrived: (() => void) | undefined;
  #stops = 0;
  #manager: ChildProcess | undefined;
  #ended: Promise<unknown> | undefined;

  constructor(folder: string) {
    this.#folder = join(folder, 'managed');
    mkdirSync(this.#folder);
    this.#server = createServer().listen(0, '127.0.0.1');
    new WebSocketServer({ server: this.#server }).on('connection', socket => {
      socket.on('error', () => {});
      this.#sockets.push(socket);
      this.#arrived?.();
    });
  }

  hop(names: Names): Hop<Session> {
    return {
      name: 'hostile-agent',
      share: 4,
      lanes: 1,
      input: session,
      count: ({ frames }) => frames.length + 1,
      check: async input => await this.#check(input, names),
    };
  }

  async stop(): Promise<void> {
    if (this.#manager && !hasEnded(this.#manager)) {
      this.#manager.kill('SIGTERM');
      await this.#ended;
    }
    for (const socket of this.#sockets) socket.terminate();
    this.#server.close();
  }

  async #check({ welcomes, frames }: Session, names: Names): Promise<string> {
    const socket = await this.#connection();
    const ended = closeOf(socket);
    if (welcomes) socket.send(encodeMessage(welcome));
    for (const frame of frames)
      if ((!isStop(frame) || ++this.#stops % STOPS === 0) && socket.readyState === socket.OPEN)
        socket.send(fillBytes(frame, names));
    if (socket.readyState === socket.OPEN) socket.ping();
    await within(30_000, 'The manager answers or closes', Promise.race([once(socket, 'pong'), ended]));
    const wasOpen = socket.readyState === socket.OPEN;
    if (wasOpen) socket.terminate();
    const outcome = await within(30_000, 'The manager closes', ended);
    return wasOpen ? 'open' : outcome;
  }

  /** The manager's next connection. */
  async #connection(): Promise<WebSocket> {
    for (;;) {
      const arrived = new Promise<void>(resolve => {
        this.#arrived = resolve;
      });
      const socket = this.#sockets.shift();
      if (socket?.readyState === socket?.OPEN && socket) return socket;
      if (socket) continue;
      if (this.#manager && hasEnded(this.#manager)) {
        const { exitCode, signalCode } = this.#manager;
        must(exitCode === 0, `The manager ended with ${exitCode ?? signalCode}.`);
      }
      if (!this.#manager || hasEnded(this.#manager)) this.#start();
      await within(40_000, 'The manager connects', Promise.race([arrived, this.#ended]));
    }
  }

  #start(): void {
    const rendezvous = join(this.#folder, 'managers.json');
    const { port } = this.#server.address() as AddressInfo;
    writeFileSync(rendezvous, JSON.stringify({ url: `http://127.0.0.1:${port}`, token: 'x' } satisfies Rendezvous));
    const args = [
      '--id',
      newId(),
      '--rendezvous',
      rendezvous,
      '--workers',
      '1',
      '--folder',
      join(this.#folder, 'node'),
    ];
    this.#manager = spawn(process.execPath, [fileURLToPath(programUrl('manager')), ...args, '--log', 'fatal'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#ended = once(this.#manager, 'exit');
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
