import { statSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Journal } from '../../../agent/journal/journal.ts';
import { digestOf, newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';

const log = pino({ level: 'silent' });
const digest = digestOf('a');
const ending = (task: string, attempt = 1) => ({
  message: {
    t: 'result',
    task,
    attempt,
    outcome: 'succeeded',
    value: { type: 'application/json', size: 2 },
    timings: { loadMs: 0, runMs: 1, agentMs: 2 },
  } as const,
  payload: Buffer.from('42'),
});

const committed = (write: (done: () => void) => void) => new Promise<void>(resolve => write(resolve));

test('call-backs come after the commit, in order, and not at once', async () => {
  const file = join(folder('journal'), 'journal.sqlite');
  const journal = new Journal(file, log);
  const [a, b] = [newId(), newId()];
  const order: string[] = [];
  journal.put(a, 1, 'accepted', digest, () => order.push('a'));
  journal.put(b, 1, 'started', digest, () => order.push('b'));
  expect(order).toEqual([]);
  await committed(done => journal.end(a, 1, digest, ending(a), done));
  expect(order).toEqual(['a', 'b']);
  journal.close();

  const again = new Journal(file, log);
  expect(again.rows()).toEqual([
    {
      task: a,
      attempt: 1,
      phase: 'ended',
      digest,
      ending: { message: ending(a).message, payload: Uint8Array.from(Buffer.from('42')) },
    },
    { task: b, attempt: 1, phase: 'started', digest, ending: undefined },
  ]);
  again.forget(a);
  again.close();
  const third = new Journal(file, log);
  expect(third.rows().map(({ task }) => task)).toEqual([b]);
  third.close();
});

test('a later attempt replaces the one before, with its ending', async () => {
  const journal = new Journal(join(folder('journal'), 'journal.sqlite'), log);
  const task = newId();
  await committed(done => journal.end(task, 1, digest, ending(task), done));
  await committed(done => journal.put(task, 2, 'accepted', digest, done));
  expect(journal.rows()).toEqual([{ task, attempt: 2, phase: 'accepted', digest, ending: undefined }]);
  journal.close();
});

test('what it holds is for this user only', async () => {
  const file = join(folder('journal'), 'journal.sqlite');
  const journal = new Journal(file, log);
  await committed(done => journal.put(newId(), 1, 'accepted', digest, done));
  for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
  journal.close();
});

test('only one process has it at a time', () => {
  const file = join(folder('journal'), 'journal.sqlite');
  const journal = new Journal(file, log);
  expect(() => new Journal(file, log)).toThrow(/locked/);
  journal.close();
  new Journal(file, log).close();
});

test('a full disk holds acknowledgements back until there is room', async () => {
  const file = join(folder('journal'), 'journal.sqlite');
  const journal = new Journal(file, log);
  // SQLite's own limit stands for the disk's: pages beyond it give the same SQLITE_FULL.
  journal.limitPages(4);
  const task = newId();
  let written = false;
  const large = { ...ending(task), payload: Buffer.alloc(60_000) };
  const done = committed(resolve =>
    journal.end(task, 1, digest, large, () => {
      written = true;
      resolve();
    }),
  );
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
  expect(written).toBe(false);
  expect(journal.problem).toMatch(/^The journal cannot be written: .*full/);
  journal.limitPages(1000);
  await done;
  expect(journal.problem).toBeUndefined();
  expect(journal.rows()).toHaveLength(1);
  expect(statSync(file).size).toBeGreaterThan(0);
  journal.close();
});
