import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type AgentHello, type Have, PROTO, type Result } from '../../protocol/broker-agent/messages.ts';
import { decodeFrame, encodeMessage, type Header, type Message } from '../../protocol/frames.ts';
import { newId } from '../../protocol/ids.ts';
import { until } from './until.ts';

export const HOST: AgentHello['host'] = {
  name: 'test-host',
  platform: 'linux',
  arch: 'x64',
  cpus: 2,
  memoryBytes: 1024,
  node: 'v24',
  agentVersion: '0.1.0',
};
export const WORKERS = { total: 2, busy: 0, starting: 0 };

type AnyHeader = Header & Record<string, unknown>;

/** An agent that says exactly what a test lets it say, over a real socket. */
export class RawAgent {
  readonly socket: WebSocket;
  /** Everything received, oldest first. */
  readonly received: Message[] = [];
  readonly session = newId();
  closed: { code: number; reason: string } | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', data => this.received.push(...decodeFrame(data as Buffer)));
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
    socket.on('error', () => {});
  }

  /** Opens the socket and says nothing. */
  static async connect(url: string, token: string): Promise<RawAgent> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/agent`, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    onTestFinished(() => socket.terminate());
    const agent = new RawAgent(socket);
    await until('the socket is open', () => socket.readyState === WebSocket.OPEN);
    return agent;
  }

  /** Opens the socket, says hello, waits for welcome, and grants credit. */
  static async join(url: string, token: string, { credit = 0, have = [] as Have, session = '' } = {}) {
    const agent = await RawAgent.connect(url, token);
    agent.hello({ have, ...(session ? { session } : {}) });
    await agent.next('welcome');
    if (credit > 0) agent.send({ t: 'credit', add: credit });
    return agent;
  }

  hello({ have = [], ...header }: Partial<AgentHello> & { have?: Have } = {}): void {
    const hello = { t: 'hello', proto: PROTO, session: this.session, host: HOST, workers: WORKERS, ...header };
    this.send(hello, have.length > 0 ? Buffer.from(JSON.stringify(have)) : undefined);
  }

  send(header: AnyHeader, payload?: Uint8Array): void {
    this.socket.send(encodeMessage(header, payload));
  }

  /** Several messages in one frame. */
  sendFrame(...messages: (AnyHeader | [AnyHeader, Uint8Array])[]): void {
    this.socket.send(
      Buffer.concat(
        messages.map(message => (Array.isArray(message) ? encodeMessage(...message) : encodeMessage(message))),
      ),
    );
  }

  /** Takes the oldest message of a type (and of a task) out of what was received, as soon as there is one. */
  async next(t: string, task?: string): Promise<{ header: AnyHeader & { attempt: number }; payload: Buffer }> {
    const at = () => this.received.findIndex(({ header }) => header.t === t && (!task || header.task === task));
    const index = await until(`the broker sends ${t}`, () => (at() >= 0 ? { at: at() } : undefined), { everyMs: 5 });
    const [message] = this.received.splice(index.at, 1);
    return { header: message!.header as never, payload: Buffer.from(message!.payload) };
  }

  /** The types received and not taken yet. */
  get waiting(): string[] {
    return this.received.map(({ header }) => header.t);
  }

  /** Sends a beat and waits for its answer: everything sent before is committed and answered then. */
  async settle(): Promise<void> {
    const n = Math.floor(Math.random() * 1e9);
    this.send({ t: 'beat', n });
    await until('the beat is answered', () => this.received.some(({ header }) => header.n === n), { everyMs: 5 });
    this.received.splice(0, this.received.length, ...this.received.filter(({ header }) => header.t !== 'beat-ok'));
  }

  async closing(): Promise<{ code: number; reason: string }> {
    return await until('the broker closes the socket', () => this.closed, { everyMs: 5 });
  }
}

/** The message that a task returned a JSON value. */
export function succeeded(task: string, attempt: number, json = '1'): [AnyHeader, Buffer] {
  const payload = Buffer.from(json);
  const header = {
    t: 'result',
    task,
    attempt,
    outcome: 'succeeded',
    value: { type: 'application/json', size: payload.length },
    timings: { loadMs: 1, runMs: 2, agentMs: 3 },
  } satisfies Omit<Result, 'bytes'>;
  return [header, payload];
}

export function ended(
  task: string,
  attempt: number,
  outcome: 'failed' | 'cancelled',
  error?: Result['error'],
): AnyHeader {
  return {
    t: 'result',
    task,
    attempt,
    outcome,
    timings: { loadMs: 0, runMs: 0, agentMs: 0 },
    ...(error ? { error } : {}),
  };
}
