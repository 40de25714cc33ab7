import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { defaultPolicy, type StoreVerbs, type Verb } from '../../../broker/store/contract.ts';
import { SqliteEngine } from '../../../broker/store/sqlite/engine.ts';

function open(file = ':memory:') {
  const engine = new SqliteEngine(file, defaultPolicy);
  onTestFinished(() => engine.close());
  const ask = <V extends Verb>(verb: V, request: Parameters<StoreVerbs[V]>[0]): ReturnType<StoreVerbs[V]> => {
    const reply = engine.run([{ verb, request }]).replies[0]!;
    if (!reply.ok) throw reply.error;
    return reply.value as ReturnType<StoreVerbs[V]>;
  };
  const owner = ask('setOwner', { id: 'owner', name: 'owner', tokenHash: 'owner', now: 1 }).id;
  const create = (name: string) => ({ owner, id: name, name, tokenHash: name, now: 1 });
  return { engine, ask, owner, create };
}

/** The next so many commits fail, with an extended result code of SQLite. Returns how many commits were tried. */
function failCommits(count: number, errcode: number): () => number {
  const { exec } = DatabaseSync.prototype;
  let tried = 0;
  const spy = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql) {
    if (sql === 'COMMIT' && ++tried <= count) {
      throw Object.assign(new Error('it does not work'), { code: 'ERR_SQLITE_ERROR', errcode });
    }
    exec.call(this, sql);
  });
  onTestFinished(() => spy.mockRestore());
  return () => tried;
}

const FULL = 13;
/** SQLITE_IOERR_WRITE: the primary code, 10, is in the lowest byte. */
const WRITE_FAILED = 778;

it('gives event numbers of a commit that failed again: nobody saw them, and a restart would not know them', () => {
  const { ask, owner, create } = open();
  const { head } = ask('eventRange', { owner });
  failCommits(1, FULL);
  expect(() => ask('createEndpoint', create('lab'))).toThrow(expect.objectContaining({ code: 'broker-storage' }));
  expect(ask('eventRange', { owner }).head).toBe(head);
  ask('createEndpoint', create('lab'));
  const { frame, through } = ask('events', { owner, after: head, limit: 10, now: 1 });
  expect(JSON.parse(Buffer.from(frame).toString('utf8'))).toMatchObject([{ t: 'endpoint', seq: head + 1 }]);
  expect(through).toBe(head + 1);
});

it('tells of every change when calls that came together have to be committed one by one', () => {
  const { engine, ask, owner, create } = open();
  const commits = failCommits(1, WRITE_FAILED);
  const { replies, notice } = engine.run([
    { verb: 'createEndpoint', request: create('a') },
    { verb: 'createEndpoint', request: create('a') },
    { verb: 'createEndpoint', request: create('b') },
  ]);
  expect(replies).toMatchObject([{ ok: true }, { ok: false, error: { code: 'name-taken' } }, { ok: true }]);
  expect(commits()).toBe(4);
  expect(notice.heads).toEqual({ [owner]: ask('eventRange', { owner }).head });
});

it('waits once, for all calls that came together, while another program holds the database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runabout-engine-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'broker.sqlite');
  const { engine, ask, create } = open(file);
  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec');
  onTestFinished(() => exec.mockRestore());
  const calls = ['a', 'b', 'c'].map(name => ({ verb: 'createEndpoint' as const, request: create(name) }));
  const { replies } = engine.run(calls);
  expect(replies).toEqual(Array(3).fill({ ok: false, error: expect.objectContaining({ code: 'broker-storage' }) }));
  expect((replies[0] as { error: Error }).error.message).toContain('another program holds its database');
  expect(exec.mock.calls).toEqual([['BEGIN IMMEDIATE']]);
  other.exec('ROLLBACK');
  expect(ask('createEndpoint', create('a'))).toMatchObject({ id: 'a' });
}, 30_000);

it('cuts a frame of events by its bytes too, and goes on after what it held', () => {
  const { ask, owner } = open();
  const digest = 'a'.repeat(64);
  ask('addBlob', { digest, size: 10, holder: owner, now: 1 });
  const parameters = { description: 'x'.repeat(200_000) };
  const names = Array.from({ length: 12 }, (_, i) => `f${i}`);
  for (const name of names) {
    ask('registerFunction', { owner, id: name, now: 1, name, digest, details: { kind: 'sync', parameters } });
  }
  const told: string[] = [];
  for (let after = 0; ; ) {
    const { frame, through, head } = ask('events', { owner, after, limit: 500, now: 1 });
    expect(frame.length).toBeLessThan(1_500_000);
    for (const event of JSON.parse(Buffer.from(frame).toString()))
      if (event.t === 'function') told.push(event.function.name);
    after = through;
    if (through === head) break;
  }
  expect(told).toEqual(names);
});
