// Readers of events that do not read, and streams that are only half there.
import { expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { heap, openSocket, othersAreWell, setUp, stopReading, world } from './world.ts';

setUp({ streamBytes: 512 * 1024, pingMs: 200, closeMs: 60_000 });

const SUB = '{"t":"sub"}';

/** Makes so many events of the bad peer, in batches. */
async function makeEvents(count: number): Promise<void> {
  const { names, mallory } = world;
  const args = await mallory.encodeArguments([]);
  const task = { function: { id: names.function }, endpoint: names.endpoint, args };
  for (let made = 0; made < count; made += 1_000) await mallory.submit(Array.from({ length: 1_000 }, () => task));
}

it('a client that subscribes and never reads: 4013, with bounded memory, and another stream gets all', async () => {
  const reader = await openSocket('/v1/events');
  const seen = new Set<number>();
  reader.socket.on('message', data => {
    for (const { seq, t } of JSON.parse(String(data)) as { seq: number; t: string }[]) if (t === 'task') seen.add(seq);
  });
  reader.socket.send(SUB);
  const hanging = await openSocket('/v1/events');
  hanging.socket.send(SUB);
  await until('it has subscribed', () => new Promise(resolve => hanging.socket.once('message', () => resolve(true))));
  stopReading(hanging);
  let most = 0;
  for (let i = 0; i < 10; i++) {
    await makeEvents(10_000);
    most = Math.max(most, await heap());
  }
  await until('the reader has all', () => seen.size === 100_000);
  // The broker ends it for its silence; what the kernel still holds is for nobody.
  hanging.socket.resume();
  await until('the stream is closed', () => hanging.closed);
  expect([1006, 4013]).toContain(hanging.closed!.code);
  expect(reader.closed).toBeUndefined();
  expect(most).toBeLessThan(160);
  await othersAreWell();
}, 60_000);

it('a stream that answers no ping is ended; one that does stays', async () => {
  const awake = await openSocket('/v1/events');
  awake.socket.send(SUB);
  const asleep = await openSocket('/v1/events');
  asleep.socket.send(SUB);
  stopReading(asleep);
  const ended = new Promise<void>(resolve => {
    // Under the WebSocket, where the end of the connection shows although nothing is read.
    const { _socket: below } = asleep.socket as unknown as { _socket: import('node:net').Socket };
    below.once('close', () => resolve());
    below.resume();
    below.removeAllListeners('data');
  });
  await ended;
  expect(awake.closed).toBeUndefined();
  await othersAreWell();
});
