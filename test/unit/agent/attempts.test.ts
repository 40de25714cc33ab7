import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { BlobCache } from '../../../agent/blobs/cache.ts';
import type { BrokerStore } from '../../../agent/broker/store.ts';
import { Journal } from '../../../agent/journal/journal.ts';
import type { ManagerLink } from '../../../agent/managers/manager-link.ts';
import { Attempts } from '../../../agent/tasks/attempts.ts';
import type { BrokerLine } from '../../../agent/tasks/delivery.ts';
import type { AgentMessage, Task } from '../../../protocol/broker-agent/messages.ts';
import { digestOf, newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const ARGS = Buffer.from('[]');
const CODE = Buffer.from('code');

/** The attempts of an agent with a real journal, whose one manager notes what it is given and runs nothing. */
async function setUp() {
  const log = pino({ level: 'silent' });
  const path = folder('agent');
  const journal = new Journal(join(path, 'journal.sqlite'), log);
  const cache = new BlobCache(join(path, 'cache'), 1_000_000);
  await cache.put(digestOf(CODE), CODE);
  cache.unpin(digestOf(CODE));
  const said: AgentMessage[] = [];
  const broker: BrokerLine = {
    ...{ isConnected: true, hasLease: true, isCongested: false },
    send: message => void said.push(message),
    whenTaken: () => {},
    beatNow: () => {},
  };
  const ran: string[] = [];
  const holds = new Set<object>();
  const link = {
    ...{ id: newId(), slots: 1, unknown: 0, expectedMs: 0 },
    get held() {
      return holds.size;
    },
    isWarm: () => true,
    hold: (attempt: object) => void holds.add(attempt),
    release: (attempt: object) => void holds.delete(attempt),
    run: ({ task }: { task: string }) => void ran.push(task),
    send: () => {},
    keep: () => {},
  };
  const store = {} as BrokerStore;
  const attempts = new Attempts({ journal, broker, store, cache, log, changed: () => {} });
  attempts.attached(link as unknown as ManagerLink, []);
  onTestFinished(() => {
    attempts.close();
    journal.close();
  });
  const task: Task = {
    ...{ t: 'task', task: newId(), attempt: 1, digest: digestOf(CODE), name: 'f', kind: 'async' },
    args: { type: 'application/json', size: ARGS.length },
  };
  return { attempts, journal, link, said, ran, task };
}

/** Everything that was written before is in the journal, and what waited for it has gone on. */
const synced = (journal: Journal) =>
  new Promise<void>(resolve => journal.put(newId(), 1, 'accepted', digestOf(CODE), resolve));

test('what the journal has not noted when a new session begins does not start, unless it is sent again', async () => {
  const { attempts, journal, link, said, ran, task } = await setUp();
  attempts.task(task, ARGS);
  expect(link.held).toBe(1);
  expect(attempts.hello()).toEqual([]);
  attempts.welcomed({ keep: [], drop: [] });
  await synced(journal);
  expect({ ran, held: link.held, running: attempts.running }).toEqual({ ran: [], held: 0, running: 0 });
  expect(said.filter(({ t }) => t === 'accept' || t === 'started')).toEqual([]);

  attempts.task(task, ARGS);
  await until('it runs', () => ran.length > 0);
  await synced(journal);
  expect(ran).toEqual([task.task]);
  expect(attempts.hello()).toEqual([[task.task, 1, 'started']]);
});

test('what is sent again before the journal has noted it the first time runs once', async () => {
  const { attempts, journal, ran, task } = await setUp();
  attempts.task(task, ARGS);
  attempts.hello();
  attempts.welcomed({ keep: [], drop: [] });
  attempts.task(task, ARGS);
  await synced(journal);
  expect(ran).toEqual([task.task]);
});

test('the death of a worker is told once it is in the journal, so that no restart tells of it twice', async () => {
  const { attempts, journal, link, said, ran, task } = await setUp();
  attempts.task(task, ARGS);
  await until('it runs', () => ran.length > 0);
  attempts.lost(link as unknown as ManagerLink, {
    ...{ t: 'lost', task: task.task, attempt: 1, reason: 'Killed.', workerDied: true },
  });
  const isTold = () => said.some(({ t }) => t === 'lost');
  const isNoted = () => journal.rows().some(({ ending }) => ending?.message.t === 'lost');
  expect(isTold()).toBe(false);
  await until('it is told', isTold);
  expect(isNoted()).toBe(true);
});
