import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { openSqliteStore } from '../../../broker/store/sqlite/store.ts';
import { newId } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { conformance } from './conformance.ts';

conformance('SQLite', policy => openSqliteStore(join(folder('store'), 'store.sqlite'), policy));

it('keeps everything over a restart, the numbers of events too, and for this user only', async () => {
  const file = join(folder('store'), 'store.sqlite');
  const first = await openSqliteStore(file);
  const { id: owner } = await first.setOwner({ id: newId(), name: 'owner', tokenHash: 'x', now: 1 });
  await first.createEndpoint({ owner, id: newId(), name: 'lab', tokenHash: 'y', now: 1 });
  const { head } = await first.eventRange({ owner });
  for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
  await first.close();
  const second = await openSqliteStore(file);
  expect((await second.listEndpoints({ owner, limit: 1 })).items).toMatchObject([{ name: 'lab' }]);
  expect((await second.eventRange({ owner })).head).toBe(head);
  await second.close();
});

it('refuses a file of a newer version, and one that is no database', async () => {
  const newer = join(folder('store'), 'store.sqlite');
  const db = new DatabaseSync(newer);
  db.exec('PRAGMA user_version = 1000');
  db.close();
  await expect(openSqliteStore(newer)).rejects.toMatchObject({
    code: 'broker-internal',
    message: expect.stringContaining('newer Runabout'),
  });
  await expect(openSqliteStore(folder('store'))).rejects.toMatchObject({ code: 'broker-internal' });
});

it('fails a request that it cannot encode alone, not the others of the same turn', async () => {
  const store = await openSqliteStore(join(folder('store'), 'store.sqlite'));
  const { id: owner } = await store.setOwner({ id: newId(), name: 'owner', tokenHash: 'x', now: 1 });
  const digest = 'a'.repeat(64);
  await store.addBlob({ digest, size: 1, holder: owner, now: 1 });
  let parameters = {};
  for (let i = 0; i < 50_000; i++) parameters = { a: parameters };
  const [before, deep, after] = await Promise.allSettled([
    store.createEndpoint({ owner, id: newId(), name: 'before', tokenHash: 'b', now: 1 }),
    store.registerFunction({ owner, id: newId(), name: 'f', digest, details: { kind: 'sync', parameters }, now: 1 }),
    store.createEndpoint({ owner, id: newId(), name: 'after', tokenHash: 'a', now: 1 }),
  ]);
  expect(before).toMatchObject({ status: 'fulfilled', value: { name: 'before' } });
  expect(deep).toMatchObject({ status: 'rejected', reason: { code: 'broker-internal' } });
  expect(after).toMatchObject({ status: 'fulfilled', value: { name: 'after' } });
  expect((await store.listEndpoints({ owner, limit: 5 })).items).toHaveLength(2);
  await store.close();
});
