import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
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
      ending: { message: ending(a).message, payload: Buffer.from('42') },
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

test('an ending that is settled soon is never written, and what holds it hears of that', async () => {
  const file = join(folder('journal'), 'journal.sqlite');
  const journal = new Journal(file, log);
  const [settled, waiting] = [newId(), newId()];
  await committed(done => {
    journal.put(settled, 1, 'started', digest, () => {});
    journal.put(waiting, 1, 'started', digest, done);
  });
  const kept: string[] = [];
  journal.endUnlessForgotten(settled, 1, digest, ending(settled), () => kept.push('settled'));
  journal.forget(settled);
  expect(kept).toEqual(['settled']);
  await committed(done => journal.endUnlessForgotten(waiting, 1, digest, ending(waiting), done));
  journal.close();

  const again = new Journal(file, log);
  expect(again.rows().map(({ task, phase }) => [task, phase])).toEqual([[waiting, 'ended']]);
  again.close();
});

test('what holds an ending hears of it no sooner when a newer one takes its place', async () => {
  const journal = new Journal(join(folder('journal'), 'journal.sqlite'), log);
  const task = newId();
  const kept: string[] = [];
  journal.endUnlessForgotten(task, 1, digest, ending(task), () => kept.push('late'));
  const done = committed(resolve => journal.end(task, 2, digest, ending(task, 2), resolve));
  expect(kept).toEqual([]);
  await done;
  expect(kept).toEqual(['late']);
  expect(journal.rows()).toMatchObject([{ task, attempt: 2, phase: 'ended' }]);
  journal.close();
});

test('what is forgotten stays forgotten, though a task before it keeps its rows', async () => {
  const file = join(folder('journal'), 'journal.sqlite');
  let journal = new Journal(file, log);
  const [long, ...short] = [newId(), newId(), newId()] as const;
  await committed(done => journal.put(long, 1, 'started', digest, done));
  for (const task of short) await committed(done => journal.put(task, 1, 'started', digest, done));
  await committed(done => journal.end(short[0]!, 1, digest, ending(short[0]!), done));
  journal.forget(short[0]!);
  // Forgotten and taken again: the later one counts.
  journal.forget(short[1]!);
  await committed(done => journal.put(short[1]!, 2, 'accepted', digest, done));
  journal.close();

  journal = new Journal(file, log);
  const rows = journal.rows().map(({ task, attempt, phase }) => [task, attempt, phase]);
  expect(rows).toEqual([
    [long, 1, 'started'],
    [short[1]!, 2, 'accepted'],
  ]);
  journal.close();
});

test('the log does not grow with what is forgotten, whatever a long task keeps', async () => {
  const file = join(folder('journal'), 'journal.sqlite');
  const journal = new Journal(file, log);
  const long = newId();
  await committed(done => journal.put(long, 1, 'started', digest, done));
  for (let round = 0; round < 60; round++) {
    const tasks = Array.from({ length: 1000 }, () => newId());
    await Promise.all(tasks.map(task => committed(done => journal.put(task, 1, 'started', digest, done))));
    for (const task of tasks) journal.forget(task);
  }
  journal.close();
  const db = new DatabaseSync(file);
  const { bytes } = db.prepare('SELECT SUM(LENGTH(changes)) AS bytes FROM log').get() as { bytes: number };
  db.close();
  // 60,000 attempts are 5 MB of changes.
  expect(bytes).toBeLessThan(2 * 1024 * 1024);
  const again = new Journal(file, log);
  expect(again.rows().map(({ task }) => task)).toEqual([long]);
  again.close();
});
