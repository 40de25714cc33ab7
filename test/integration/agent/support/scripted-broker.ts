import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AgentMessage, type BrokerMessage, PROTO, type Task } from '../../../../protocol/broker-agent/messages.ts';
import { decodeFrame, encodeMessage } from '../../../../protocol/frames.ts';
import { newId } from '../../../../protocol/ids.ts';
import { bundleOf, type TestBundle } from '../../../support/bundle.ts';
import { until } from '../../../support/until.ts';

/** One message of the agent, with its payload. */
export type Said = AgentMessage & { payload: Uint8Array };

/**
 * A broker that says what a test tells it to, for what a real one would never do, or not at this moment. It answers
 * beats as long as `answersBeats` holds.
 */
export class ScriptedBroker {
  readonly #server: Server;
  readonly #bundles = new Map<string, Uint8Array>();
  readonly said: Said[] = [];
  readonly closeCodes: number[] = [];
  url = '';
  leaseMs = 30_000;
  answersBeats = true;
  /** It takes connections of agents. */
  accepts = true;
  connections = 0;
  socket: WebSocket | undefined;

  private constructor() {
    this.#server = createServer((request, response) => {
      const bytes = this.#bundles.get(request.url!.split('/').at(-1)!);
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
    const sockets = new WebSocketServer({ server: this.#server, path: '/v1/agent' });
    sockets.on('connection', socket => (this.accepts ? this.#accept(socket) : socket.terminate()));
    onTestFinished(() => {
      for (const socket of sockets.clients) socket.terminate();
      this.#server.close();
    });
  }

  static async start(): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker();
    await new Promise<void>(resolve => broker.#server.listen(0, '127.0.0.1', resolve));
    broker.url = `http://127.0.0.1:${(broker.#server.address() as AddressInfo).port}`;
    return broker;
  }

  say(message: BrokerMessage | { t: string }, payload?: Uint8Array): void {
    this.socket!.send(encodeMessage(message, payload));
  }

  /** A task for this module's default export. */
  async task(source: string, args: unknown[] = []): Promise<{ task: Task; payload: Uint8Array; bundle: TestBundle }> {
    const bundle = await bundleOf(source);
    this.#bundles.set(bundle.digest, bundle.code);
    const payload = Buffer.from(JSON.stringify(args));
    const task: Task = {
      t: 'task',
      task: newId(),
      attempt: 1,
      digest: bundle.digest,
      name: 'test',
      kind: 'async',
      args: { type: 'application/json', size: payload.length },
    };
    return { task, payload, bundle };
  }

  /** The next message of a type that is not taken yet. */
  async heard<T extends AgentMessage['t']>(type: T): Promise<Extract<Said, { t: T }>> {
    return await until(`the agent says ${type}`, () => {
      const at = this.said.findIndex(({ t }) => t === type);
      return at < 0 ? undefined : (this.said.splice(at, 1)[0] as Extract<Said, { t: T }>);
    });
  }

  #accept(socket: WebSocket): void {
    this.connections += 1;
    this.socket = socket;
    socket.on('close', code => this.closeCodes.push(code));
    socket.on('message', (data: Buffer) => {
      for (const { header, payload } of decodeFrame(data)) {
        const message = header as unknown as AgentMessage;
        if (message.t === 'beat') {
          if (this.answersBeats) this.say({ t: 'beat-ok', n: message.n });
          continue;
        }
        this.said.push({ ...message, payload: Uint8Array.from(payload) });
        if (message.t === 'hello') this.#welcome();
      }
    });
  }

  #welcome(): void {
    const endpoint = { id: newId(), name: 'lab' };
    const nothing = Buffer.from(JSON.stringify({ keep: [], drop: [] }));
    this.say({ t: 'welcome', proto: PROTO, epoch: this.connections, leaseMs: this.leaseMs, endpoint }, nothing);
  }
}
