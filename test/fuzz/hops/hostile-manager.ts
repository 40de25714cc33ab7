import * as fc from 'fast-check';
import {
  type ManagerHello as Hello,
  ManagerHello,
  ManagerMessage,
  PROTO,
} from '../../../protocol/agent-manager/messages.ts';
import { encodeMessage, type Header } from '../../../protocol/frames.ts';
import { hostileFrame, validMessage } from '../generators/frames.ts';
import { fillBytes, type Names } from '../generators/names.ts';
import { valid } from '../generators/schema.ts';
import type { Hop } from '../hop.ts';
import type { HostileBroker } from '../hostile-broker.ts';
import { PeerSocket } from './socket.ts';

interface Session {
  hello: Hello | Uint8Array | undefined;
  frames: Uint8Array[];
}

const frames = fc.oneof(
  { weight: 2, arbitrary: validMessage(ManagerMessage) },
  { weight: 1, arbitrary: hostileFrame(ManagerMessage) },
);
const session: fc.Arbitrary<Session> = fc.record({
  hello: fc.oneof(
    { weight: 6, arbitrary: valid(ManagerHello) as fc.Arbitrary<Hello> },
    { weight: 1, arbitrary: hostileFrame(ManagerHello) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  frames: fc.array(frames.map(harmless), { maxLength: 12, size: 'max' }),
});

/** What a manager says to a real agent, under the name of its real manager. */
export function hostileManagerHop(broker: HostileBroker, names: Names): Hop<Session> {
  return {
    name: 'hostile-manager',
    share: 4,
    lanes: 1,
    input: session,
    count: ({ frames }) => frames.length + 1,
    async check({ hello, frames }) {
      const { url, token, manager } = broker.rendezvous();
      const peer = await PeerSocket.open(url, '/v1/manager', token);
      if (hello instanceof Uint8Array) peer.socket.send(hello);
      else if (hello)
        peer.socket.send(encodeMessage({ ...hello, slots: 4, proto: PROTO, manager } as Header, Buffer.from('[]')));
      for (const frame of frames) if (peer.isOpen) peer.socket.send(fillBytes(frame, names));
      await peer.settle();
      const outcome = await peer.end();
      broker.checkAgent();
      return outcome;
    },
  };
}

/** Process groups that an agent ends with their manager must not be those of this machine. */
function harmless(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  if (!text.includes('"groups"')) return bytes;
  return Buffer.from(
    text
      .replace(/"groups":\[[^\]]*\]/g, found => '"groups":[]'.padEnd(found.length))
      .replace(/"groups":(?!\[\])/g, '"gr0ups":'),
    'latin1',
  );
}
