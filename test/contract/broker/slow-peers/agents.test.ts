// Agents that do not read, or send without end.
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { PROTO } from '../../../../protocol/broker-agent/messages.ts';
import { decodeFrame, encodeMessage, type Header } from '../../../../protocol/frames.ts';
import { newId } from '../../../../protocol/ids.ts';
import { limits } from '../../../../protocol/limits.ts';
import { ended, HOST, WORKERS } from '../../../support/raw-agent.ts';
import { until } from '../../../support/until.ts';
import { heap, openSocket, othersAreWell, setUp, stopReading, world } from './world.ts';

const MiB = 1024 * 1024;
setUp({ sessionBytes: 24 * MiB, closeMs: 500 }, 1_000);

const hello = (): Uint8Array =>
  encodeMessage({ t: 'hello', proto: PROTO, session: newId(), host: HOST, workers: WORKERS } as Header);

async function join(lane: number) {
  const { endpoint, token } = await world.agent(lane);
  const peer = await openSocket('/v1/agent', token);
  peer.socket.send(hello());
  await until('it is welcome', () => new Promise(resolve => peer.socket.once('message', () => resolve(true))));
  return { ...peer, peer, endpoint };
}

/** Results of tasks that nobody has, each of which is answered, in one frame. */
const results = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, () =>
      encodeMessage(ended(newId(), 1, 'failed', { code: 'function-threw', message: 'x' }) as Header),
    ),
  );

const flushed = (socket: WebSocket) =>
  until('it is sent', () => socket.bufferedAmount === 0 || socket.readyState !== socket.OPEN);

it('an agent that asks and never reads the answers is ended, with bounded memory', async () => {
  const { peer } = await join(0);
  stopReading(peer);
  const below = (peer.socket as unknown as { _socket: import('node:net').Socket })._socket;
  let gone = false;
  below.once('close', () => {
    gone = true;
  });
  let most = 0;
  for (let sent = 0; !gone && sent < 2_000; sent++) {
    peer.socket.send(results(1_000));
    await flushed(peer.socket).catch(() => {});
    if (sent % 20 === 0) most = Math.max(most, await heap());
    if (below.errored || below.destroyed) gone = true;
  }
  peer.socket.resume();
  await until('the session is over', () => peer.closed);
  expect([1006, 4013]).toContain(peer.closed!.code);
  expect(most).toBeLessThan(128);
  await othersAreWell();
}, 60_000);

it('an agent that takes tasks and never reads them is sent no more than fits, and the rest stays queued', async () => {
  const { peer, endpoint } = await join(1);
  stopReading(peer);
  const args = await world.mallory.encodeArguments(['x'.repeat(60_000)]);
  const task = { function: { id: world.names.function }, endpoint, args };
  peer.socket.send(encodeMessage({ t: 'credit', add: 1_000_000 } as Header));
  for (let i = 0; i < 10; i++) await world.mallory.submit(Array.from({ length: 100 }, () => task));
  expect(await heap()).toBeLessThan(128);
  const { queued } = await world.mallory.endpointStatus(endpoint);
  expect(queued).toBeGreaterThan(0);
  await othersAreWell();
}, 60_000);

it('an agent that comes back without what it was given is sent a part of it; the rest is queued again', async () => {
  const { peer, endpoint } = await join(5);
  let tasks = 0;
  peer.socket.on('message', data => {
    tasks += decodeFrame(data as Buffer).filter(({ header }) => header.t === 'task').length;
  });
  const args = await world.mallory.encodeArguments(['x'.repeat(60_000)]);
  const task = { function: { id: world.names.function }, endpoint, args };
  for (let i = 0; i < 4; i++) await world.mallory.submit(Array.from({ length: 150 }, () => task));
  peer.socket.send(encodeMessage({ t: 'credit', add: 600 } as Header));
  await until('it has them all', () => tasks === 600);
  peer.socket.terminate();
  const again = await openSocket('/v1/agent', (await world.agent(5)).token);
  again.socket.send(hello());
  const { running } = await until('a part is queued again', async () => {
    const status = await world.mallory.endpointStatus(endpoint);
    return status.queued > 0 && status;
  });
  expect(running).toBeGreaterThan(200);
  expect(running).toBeLessThan(300);
  await othersAreWell();
}, 60_000);

it('an agent that sends without end is read as fast as it is committed, and no faster', async () => {
  const { peer } = await join(2);
  let answered = 0;
  peer.socket.on('message', data => {
    answered += decodeFrame(data as Buffer).filter(({ header }) => header.t === 'stale').length;
  });
  let most = 0;
  for (let i = 0; i < 100; i++) {
    peer.socket.send(results(1_000));
    if (i % 20 === 0) most = Math.max(most, await heap());
  }
  await until('all is answered', () => answered === 100_000 || peer.closed);
  expect(peer.closed).toBeUndefined();
  expect(most).toBeLessThan(128);
  await othersAreWell();
}, 60_000);

it('a frame of a million tiny messages: 4008, before they are made', async () => {
  const { peer } = await join(3);
  const one = encodeMessage({ t: '' });
  peer.socket.send(Buffer.alloc(Math.floor(limits.frame / one.length) * one.length, one));
  await until('the session is over', () => peer.closed);
  expect(peer.closed).toMatchObject({
    code: 4008,
    reason: expect.stringMatching(/^frame-invalid: A number of messages/),
  });
  await othersAreWell();
});

it('more than a frame between hello and welcome: 4013', async () => {
  const { token } = await world.agent(4);
  const peer = await openSocket('/v1/agent', token);
  peer.socket.send(hello());
  const frame = Buffer.alloc(3 * MiB);
  for (let i = 0; i < 8; i++) peer.socket.send(frame);
  await until('the session is over', () => peer.closed);
  // If welcome was faster than the flood, the first of it is no frame.
  expect([4013, 4008, 1006]).toContain(peer.closed!.code);
  await othersAreWell();
});

it('a first message that trickles in: 4008 when its time is over', async () => {
  const peer = await openSocket('/v1/events');
  const { _socket: below } = peer.socket as unknown as { _socket: import('node:net').Socket };
  // A masked text frame of 125 bytes, of which only one comes now and then.
  below.write(Buffer.from([0x81, 0xfd, 0, 0, 0, 0]));
  const timer = setInterval(() => below.write(' '), 100);
  await until('the socket is closed', () => peer.closed);
  clearInterval(timer);
  expect(peer.closed).toEqual({ code: 4008, reason: 'request-invalid: no sub in time' });
  await othersAreWell();
});
