// Connections that never end by themselves hold up neither the broker nor its end.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { testBroker } from '../../support/broker.ts';
import { bearer, refused } from './bad-input/world.ts';

/** A connection whose owner says one thing and then never closes its end. */
async function stubborn(url: string, ...lines: string[]): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

const upgrade = ['GET /v1/events HTTP/1.1', 'host: x', 'connection: upgrade', 'upgrade: websocket'];
const webSocket = ['sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=='];

it('refuses new sockets while it says goodbye to the old, and then ends', async () => {
  const broker = await testBroker();
  await stubborn(broker.url, ...upgrade, ...webSocket, `authorization: Bearer ${broker.ownerToken}`);
  const closing = broker.close();
  expect(await refused(`${broker.url}/v1/events`, bearer(broker.ownerToken))).toEqual([503, 'broker-stopping']);
  await closing;
});

it.each([
  ['a refused upgrade', [...upgrade, ...webSocket]],
  ['bad HTTP', ['no HTTP at all']],
])('lets go of the connection after %s', async (_what, lines) => {
  const broker = await testBroker();
  const socket = await stubborn(broker.url, ...lines);
  // Its own end stays open: that nobody listens there shows when something is written.
  const writing = setInterval(() => socket.write('x'), 20);
  onTestFinished(() => clearInterval(writing));
  const [error] = await once(socket, 'error');
  expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
});
