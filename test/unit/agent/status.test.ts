import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import type { BrokerSession } from '../../../agent/broker/session.ts';
import { readState } from '../../../agent/endpoint/state.ts';
import { Status } from '../../../agent/status.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

test('a state file that cannot be written disturbs nobody, is logged once, and is written when it can be', async () => {
  const path = join(folder('status'), 'missing');
  const lines: string[] = [];
  const log = pino({}, { write: line => void lines.push(line) });
  let asked = 0;
  const workers = () => {
    asked += 1;
    return { total: 1, busy: 0, starting: 0 };
  };
  const status = new Status(
    join(path, 'state.json'),
    log,
    workers,
    () => undefined,
    () => 0,
  );
  onTestFinished(() => status.close());
  const said: unknown[] = [];
  const session = { isConnected: true, send: (message: object) => said.push(message) } as unknown as BrokerSession;
  status.set('connected', session);
  expect(said).toMatchObject([{ t: 'status' }]);
  await until('it was tried again', () => asked > 1);
  mkdirSync(path);
  await until('it is written', () => readState(join(path, 'state.json'))?.state === 'connected');
  expect(lines).toHaveLength(1);
});
