// What clients do while the broker is away for a moment: wait, and say so; never take it for a refusal.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { BrokerClient } from '../../../client/client.ts';
import type { StreamState } from '../../../client/events.ts';
import { target, testBroker } from '../../support/broker.ts';
import { until } from '../../support/until.ts';

it('an event stream that is answered 503 tries again, and only 401 ends it', async () => {
  let status = 503;
  let upgrades = 0;
  const proxy = createServer().on('upgrade', (_request, socket) => {
    upgrades += 1;
    socket.end(`HTTP/1.1 ${status} x\r\nconnection: close\r\n\r\n`);
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const states: StreamState[] = [];
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const stream = new BrokerClient({ url, token: 'x' }).subscribe({ state: state => states.push(state) });
  onTestFinished(() => stream.close());
  await until('it has tried again', () => upgrades >= 2);
  expect(states).not.toContain('refused');
  status = 401;
  await until('it gives up', () => states.includes('refused'));
});

it('a wait for a task outlasts a restart of the broker', async () => {
  const first = await testBroker();
  const { port } = first;
  const { submit, endpoint } = await target(first.client());
  const task = await submit();
  const waiting = first.client().waitForTask(task.id);
  await first.close();
  const second = await testBroker({ dataDir: first.dataDir, port });
  await second.client().deleteEndpoint(endpoint.id);
  expect((await waiting).state).toBe('cancelled');
});
