import { connect, type Socket } from 'node:net';
import { beforeAll, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { PeerLimits } from '../../../../broker/peer-limits.ts';
import { World } from '../../../fuzz/world.ts';
import { until } from '../../../support/until.ts';

/** A broker in a process of its own, whose limits are short enough for a test to meet them. */
export let world: World;
let before: number;

export const setUp = (peers: Partial<PeerLimits>, helloTimeoutMs = 10_000) =>
  beforeAll(async () => {
    world = await World.open({ peers, helloTimeoutMs });
    before = await heap();
    return () => world.close();
  });

/** What the heap of the broker's process holds after a collection, buffers outside of it included, in MiB. */
export async function heap(): Promise<number> {
  const { heapUsed, external } = await world.memory();
  return (heapUsed + external) / 1024 / 1024;
}

/** What every case ends with: nobody else noticed, and the broker holds no more than before, give or take its caches. */
export async function othersAreWell(): Promise<void> {
  await world.checkInnocent();
  // Connections that were cut give back what waited for them a moment later.
  await until('the broker holds no more than before', async () => (await heap()) - before < 64);
}

/** A plain connection, and what came back over it. */
export class Line {
  readonly socket: Socket;
  text = '';
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', data => {
      this.text += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
    onTestFinished(() => void socket.destroy());
  }

  static async open(): Promise<Line> {
    const { hostname, port } = new URL(world.url);
    const line = new Line(connect(Number(port), hostname));
    await until('the connection is open', () => line.socket.readyState === 'open', { everyMs: 2 });
    return line;
  }

  /** Writes a text byte by byte, for as long as the other side takes it. */
  trickle(text: string, everyMs = 50): void {
    let at = 0;
    const timer = setInterval(() => {
      if (this.closed || at === text.length) clearInterval(timer);
      else this.socket.write(text[at++]!);
    }, everyMs);
    onTestFinished(() => clearInterval(timer));
  }

  /** Status and code of the answer, once the connection is closed. */
  async refused(): Promise<[number, string | undefined]> {
    await until('the connection is closed', () => this.closed);
    return [Number(this.text.slice(9, 12)), /"code":"([a-z-]+)"/.exec(this.text)?.[1]];
  }
}

export const bearer = (token: string) => `authorization: Bearer ${token}`;

/** An open WebSocket of the bad peer, and how it was closed. */
export async function openSocket(path: string, token = world.malloryToken) {
  const socket = new WebSocket(world.url.replace('http', 'ws') + path, {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  onTestFinished(() => socket.terminate());
  const peer: { socket: WebSocket; closed?: { code: number; reason: string } } = { socket };
  socket.on('error', () => {});
  socket.on('close', (code, reason) => {
    peer.closed = { code, reason: String(reason) };
  });
  await until('the socket is open', () => socket.readyState === WebSocket.OPEN, { everyMs: 2 });
  return peer;
}

/** Stops reading, as a program does that hangs: what arrives stays in the kernel, and then at its sender. */
export function stopReading({ socket }: { socket: WebSocket }): void {
  socket.pause();
}

/** Makes so many events of the bad peer, in batches. */
export async function makeEvents(count: number): Promise<void> {
  const { names, mallory } = world;
  const args = await mallory.encodeArguments([]);
  const task = { function: { id: names.function }, endpoint: names.endpoint, args };
  for (let made = 0; made < count; made += 1_000) await mallory.submit(Array.from({ length: 1_000 }, () => task));
}
