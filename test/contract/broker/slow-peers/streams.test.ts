// Readers of events that do not read, and streams that are only half there.
import { expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { heap, makeEvents, openSocket, othersAreWell, setUp, stopReading } from './world.ts';

setUp({ streamBytes: 512 * 1024, pingMs: 200, closeMs: 500 });

const SUB = '{"t":"sub"}';

it('a client that subscribes and never reads: closed, with bounded memory, and another stream gets all', async () => {
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

it('a stream that answers no ping is closed with 4013, and cut; one that does stays', async () => {
  const awake = await openSocket('/v1/events');
  awake.socket.send(SUB);
  const asleep = await openSocket('/v1/events');
  asleep.socket.send(SUB);
  stopReading(asleep);
  // Under the WebSocket, which answers nothing while it sleeps.
  const { _socket: below } = asleep.socket as unknown as { _socket: import('node:net').Socket };
  const received: Buffer[] = [];
  below.removeAllListeners('data');
  below.on('data', data => received.push(data));
  await new Promise<void>(resolve => {
    below.once('close', () => resolve());
    below.resume();
  });
  const code = Buffer.alloc(2);
  code.writeUInt16BE(4013);
  expect(Buffer.concat(received).includes(code)).toBe(true);
  expect(awake.closed).toBeUndefined();
  await othersAreWell();
});
