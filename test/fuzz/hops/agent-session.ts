import * as fc from 'fast-check';
import { AgentHello, AgentMessage, PROTO } from '../../../protocol/broker-agent/messages.ts';
import { encodeMessage, type Header } from '../../../protocol/frames.ts';
import { hostileFrame, validMessage } from '../generators/frames.ts';
import { fillBytes } from '../generators/names.ts';
import { valid } from '../generators/schema.ts';
import type { Hop } from '../hop.ts';
import type { World } from '../world.ts';
import { PeerSocket } from './socket.ts';

interface Session {
  /** Said first, most of the time. */
  hello: Uint8Array | undefined;
  /** Wait for the answer to it; else what follows comes too early. */
  waits: boolean;
  frames: { bytes: Uint8Array; text: boolean; pieces: number }[];
}

const goodHello = fc
  .tuple(valid(AgentHello), fc.constantFrom('[]', ''))
  .map(([hello, have]) => encodeMessage({ ...(hello as Header), proto: PROTO } as Header, Buffer.from(have)));
const hello = fc.oneof(
  { weight: 6, arbitrary: goodHello },
  { weight: 1, arbitrary: validMessage(AgentHello) },
  { weight: 1, arbitrary: hostileFrame(AgentHello) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

const session: fc.Arbitrary<Session> = fc.record({
  hello,
  waits: fc.nat(4).map(n => n > 0),
  frames: fc.array(
    fc.record({
      bytes: fc.oneof(
        { weight: 2, arbitrary: validMessage(AgentMessage) },
        { weight: 1, arbitrary: hostileFrame(AgentMessage) },
      ),
      text: fc.nat(50).map(n => n === 0),
      pieces: fc.constantFrom(1, 1, 1, 2, 5),
    }),
    { maxLength: 20, size: 'max' },
  ),
});

/** How often the endpoint is given tasks, so that there is something to lie about. */
const FEED = 20;

/** What an agent says to the broker. */
export function agentSessionHop(world: World): Hop<Session> {
  let opened = 0;
  return {
    name: 'agent-session',
    share: 30,
    lanes: 4,
    input: session,
    count: ({ frames }) => frames.length + 1,
    async check({ hello, waits, frames }, lane) {
      const { endpoint, token } = await world.agent(lane);
      if (++opened % FEED === 0) await world.feed(endpoint);
      const peer = await PeerSocket.open(world.url, '/v1/agent', token);
      if (hello) peer.socket.send(fillBytes(hello, world.names));
      if (waits && hello) await peer.settle();
      for (const { bytes, text, pieces } of frames) {
        if (!peer.isOpen) break;
        sendInPieces(peer, fillBytes(bytes, world.names), !text, pieces);
      }
      await peer.settle();
      return await peer.end();
    },
  };
}

/** One message, in that many fragments. */
function sendInPieces({ socket }: PeerSocket, bytes: Buffer, binary: boolean, pieces: number): void {
  const size = Math.ceil(bytes.length / pieces) || 1;
  for (let i = 0; i < pieces; i++) {
    socket.send(bytes.subarray(i * size, (i + 1) * size), { binary, fin: i === pieces - 1 });
  }
}
