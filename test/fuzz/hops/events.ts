import * as fc from 'fast-check';
import { Subscribe } from '../../../protocol/client-broker/events.ts';
import { damagedBytes, damagedJson } from '../generators/damage.ts';
import { hostileText, hostileValue, toJson } from '../generators/hostile.ts';
import { valid } from '../generators/schema.ts';
import type { Hop } from '../hop.ts';
import type { World } from '../world.ts';
import { PeerSocket } from './socket.ts';

interface Said {
  bytes: Uint8Array;
  binary: boolean;
}

const text = fc.oneof(
  { weight: 3, arbitrary: valid(Subscribe).map(toJson) },
  { weight: 4, arbitrary: damagedJson(valid(Subscribe)).map(toJson) },
  { weight: 1, arbitrary: hostileValue.map(toJson) },
  { weight: 1, arbitrary: hostileText },
);
const said: fc.Arbitrary<Said> = fc.record({
  bytes: fc.oneof(
    { weight: 4, arbitrary: text.map(value => Buffer.from(value)) },
    { weight: 1, arbitrary: damagedBytes(text.map(value => Buffer.from(value))) },
  ),
  binary: fc.nat(7).map(n => n === 0),
});

/** What a client says on the event stream of its owner. */
export function eventsHop(world: World): Hop<Said[]> {
  return {
    name: 'events',
    share: 6,
    lanes: 2,
    input: fc.array(said, { minLength: 1, maxLength: 4 }),
    count: input => input.length,
    async check(input) {
      const peer = await PeerSocket.open(world.url, '/v1/events', world.malloryToken);
      for (const { bytes, binary } of input) if (peer.isOpen) peer.socket.send(bytes, { binary });
      await peer.settle();
      return await peer.end();
    },
  };
}
