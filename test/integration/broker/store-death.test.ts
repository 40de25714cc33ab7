// A broker whose store is gone can do nothing: it has to end, so that its supervisor starts it again.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { target } from '../../support/broker.ts';
import { folder } from '../../support/folder.ts';
import { startProcess } from './support.ts';

/** Loaded before the broker: on SIGUSR2 its threads die, as they would of an error that nobody expected. */
const ASSASSIN = `
  const threads = require('node:worker_threads');
  const alive = new Set();
  threads.Worker = class extends threads.Worker {
    constructor(...args) {
      super(...args);
      alive.add(this);
    }
  };
  require('node:module').syncBuiltinESMExports();
  process.on('SIGUSR2', () => alive.forEach(thread => thread.terminate()));
`;

it('ends with an error and says why when the thread of its store dies, and goes on when it is started again', async () => {
  const dataDir = folder('broker');
  const preload = join(dataDir, 'assassin.cjs');
  writeFileSync(preload, ASSASSIN);
  const first = await startProcess(dataDir, { env: { NODE_OPTIONS: `--require ${JSON.stringify(preload)}` } });
  const { submit, client } = await target(first.client);
  const { id } = await submit();
  const waiting = client.taskResult(id).catch(error => error.code);
  expect(await waiting).toBe('task-not-ended');

  first.child.kill('SIGUSR2');
  expect(await first.ended).toBe(3);
  const fatal = first
    .log()
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
    .find(({ level }) => level === 60);
  expect(fatal).toMatchObject({
    msg: expect.stringContaining('the store has ended'),
    err: { message: expect.any(String) },
  });
  expect(first.log()).toContain('Start it again; nothing that was acknowledged is lost.');

  const second = await startProcess(dataDir);
  expect(await second.client.getTask(id)).toMatchObject({ id, state: 'queued' });
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
});
