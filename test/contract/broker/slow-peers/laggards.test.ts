// Readers of events that are slower than their tasks, and no worse than that.
import { expect, it } from 'vitest';
import { until } from '../../../support/until.ts';
import { heap, makeEvents, openSocket, othersAreWell, setUp, stopReading } from './world.ts';

setUp({ streamBytes: 64 * 1024 });

/** Their events are more than the kernel keeps for a connection. */
const TASKS = 60_000;

it('a stream that is read too slowly for its events gets all of them, later, and is live again', async () => {
  const laggard = await openSocket('/v1/events');
  const seen = new Set<string>();
  laggard.socket.on('message', data => {
    for (const event of JSON.parse(String(data))) if (event.t === 'task') seen.add(event.task.id);
  });
  laggard.socket.send('{"t":"sub"}');
  await until('it has subscribed', () => new Promise(resolve => laggard.socket.once('message', () => resolve(true))));
  stopReading(laggard);
  await makeEvents(TASKS);
  const held = await heap();
  laggard.socket.resume();
  await until('it has all', () => seen.size === TASKS);
  await makeEvents(1_000);
  await until('it is live', () => seen.size === TASKS + 1_000);
  expect(laggard.closed).toBeUndefined();
  expect(held).toBeLessThan(160);
  await othersAreWell();
}, 60_000);
