import { once } from 'node:events';
import * as fc from 'fast-check';
import { BrokerMessage, Welcome } from '../../../protocol/broker-agent/messages.ts';
import { hostileFrame, validMessage } from '../generators/frames.ts';
import { fillBytes, type Names } from '../generators/names.ts';
import { valid } from '../generators/schema.ts';
import type { Hop } from '../hop.ts';
import type { HostileBroker } from '../hostile-broker.ts';
import { within } from '../violation.ts';
import { closeOf } from './socket.ts';

interface Session {
  /** `undefined`: something else comes first. */
  welcome: object | undefined;
  frames: { bytes: Uint8Array; text: boolean }[];
}

const session: fc.Arbitrary<Session> = fc.record({
  welcome: fc.oneof(
    { weight: 6, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: valid(Welcome) as fc.Arbitrary<object> },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  frames: fc.array(
    fc.record({
      bytes: fc.oneof(
        { weight: 2, arbitrary: validMessage(BrokerMessage) },
        { weight: 1, arbitrary: hostileFrame(BrokerMessage) },
      ),
      text: fc.nat(50).map(n => n === 0),
    }),
    { minLength: 1, maxLength: 20, size: 'max' },
  ),
});

/** What a broker says to a real agent. */
export function hostileBrokerHop(broker: HostileBroker, names: Names): Hop<Session> {
  return {
    name: 'hostile-broker',
    share: 2,
    lanes: 1,
    input: session,
    count: ({ frames }) => frames.length + 1,
    async check({ welcome, frames }) {
      const socket = await broker.connection();
      const ended = closeOf(socket);
      if (welcome) broker.welcome(socket, welcome);
      for (const { bytes, text } of frames) {
        if (socket.readyState !== socket.OPEN) break;
        socket.send(fillBytes(bytes, { ...names, bundle: broker.digest }), { binary: !text });
      }
      if (socket.readyState === socket.OPEN) socket.ping();
      await within(30_000, 'The agent answers or closes', Promise.race([once(socket, 'pong'), ended]));
      const wasOpen = socket.readyState === socket.OPEN;
      if (wasOpen) socket.terminate();
      const outcome = await within(30_000, 'The agent closes', ended);
      broker.checkAgent();
      return wasOpen ? 'open' : outcome;
    },
  };
}
