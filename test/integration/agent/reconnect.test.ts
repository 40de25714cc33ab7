/** A manager that comes back before its agent knows that it was gone. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Agent } from '../../../agent/agent.ts';
import type { EndpointConfig } from '../../../agent/endpoint/config.ts';
import { endpointPaths } from '../../../agent/endpoint/folder.ts';
import { EndpointToken, writeToken } from '../../../agent/endpoint/token.ts';
import { Blocks } from '../../../agent/managers/blocks.ts';
import { LocalProvider } from '../../../agent/providers/local.ts';
import { Attempts } from '../../../agent/tasks/attempts.ts';
import { PROTO, Rendezvous } from '../../../protocol/agent-manager/messages.ts';
import { encodeMessage } from '../../../protocol/frames.ts';
import { newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

test('the end of its old connection does not count when it has a new one', async () => {
  // Its process is the only thing that is not there.
  vi.spyOn(LocalProvider.prototype, 'status').mockResolvedValue({ state: 'running' });
  vi.spyOn(LocalProvider.prototype, 'cancel').mockResolvedValue();
  onTestFinished(() => void vi.restoreAllMocks());
  const detached = vi.spyOn(Attempts.prototype, 'detached');
  const gone = vi.spyOn(Blocks.prototype, 'detached');
  const attached = vi.spyOn(Attempts.prototype, 'attached');

  const paths = endpointPaths({ home: folder('home'), name: 'lab' });
  mkdirSync(paths.folder, { recursive: true });
  writeToken(paths, 'rba_x');
  const manager = newId();
  writeFileSync(paths.blocks, JSON.stringify([{ manager, handle: 'a' }]));
  const config: EndpointConfig = {
    ...{ name: 'lab', id: newId(), brokerUrl: 'http://127.0.0.1:1', workers: 1, blocks: 1, tasksPerWorker: 1 },
    ...{ heapMb: undefined, environment: {}, graceMs: 0, drainMs: 0, outputBytes: 0, cacheBytes: 0, logLevel: 'info' },
  };
  const agent = new Agent({ config, token: new EndpointToken(paths), paths, log: pino({ level: 'silent' }) });
  void agent.run();
  onTestFinished(() => agent.stop());

  const { url, token } = await until('it can be found', () => {
    return Rendezvous.parse(JSON.parse(readFileSync(paths.rendezvous, 'utf8')));
  });
  const connect = async () => {
    const count = attached.mock.calls.length;
    const headers = { authorization: `Bearer ${token}` };
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/manager`, { headers });
    const hello = { t: 'hello', proto: PROTO, manager, host: 'h', pid: 1, slots: 1 };
    socket.on('open', () => socket.send(encodeMessage(hello, Buffer.from('[]'))));
    await until('it is attached', () => attached.mock.calls.length > count);
    return socket;
  };
  const first = await connect();
  const second = await connect();
  first.terminate();
  await until('the first is gone', () => detached.mock.calls.length === 1);
  expect(gone).not.toHaveBeenCalled();
  second.terminate();
  await until('the second is gone', () => detached.mock.calls.length === 2);
  expect(gone).toHaveBeenCalledWith(manager);
});
