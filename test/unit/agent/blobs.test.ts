import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BlobCache } from '../../../agent/blobs/cache.ts';
import { PartReader, partsOf } from '../../../agent/blobs/parts.ts';
import { PART_BYTES, type Part } from '../../../protocol/agent-manager/messages.ts';
import { digestOf } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';

const blob = (fill: string, size = 100) => {
  const bytes = Buffer.alloc(size, fill);
  return { bytes, digest: digestOf(bytes) };
};

test('the least recently used go when there is too much, what is held stays', async () => {
  const path = folder('cache');
  const cache = new BlobCache(path, 250);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(fill => blob(fill)) as [
    ReturnType<typeof blob>,
    ReturnType<typeof blob>,
    ReturnType<typeof blob>,
    ReturnType<typeof blob>,
  ];
  await cache.put(a.digest, a.bytes);
  await cache.put(b.digest, b.bytes);
  expect(await cache.pin(a.digest)).toBe(true);
  await cache.put(c.digest, c.bytes);
  expect(await cache.pin(b.digest)).toBe(false);
  expect((await cache.read(a.digest)).equals(a.bytes)).toBe(true);
  cache.unpin(a.digest);
  // `a` was used last, so `c` goes.
  await cache.pin(a.digest);
  cache.unpin(a.digest);
  await cache.put(d.digest, d.bytes);
  expect(readdirSync(path).sort()).toEqual([a.digest, d.digest].sort());
});

test('bytes have to be those of their digest, now and after a restart', async () => {
  const path = folder('cache');
  const cache = new BlobCache(path, 1000, '.mjs');
  const a = blob('a');
  await expect(cache.put(a.digest, Buffer.from('other'))).rejects.toMatchObject({ code: 'digest-mismatch' });
  await cache.put(a.digest, a.bytes);
  writeFileSync(join(path, `${a.digest}.mjs`), 'damaged');
  writeFileSync(join(path, '.half-written'), 'x');
  const again = new BlobCache(path, 1000, '.mjs');
  expect(again.isVerified(a.digest)).toBe(false);
  expect(await again.pin(a.digest)).toBe(false);
  expect(readdirSync(path)).toEqual([]);
});

test('the order of use outlives a restart', async () => {
  const path = folder('cache');
  const [a, b] = [blob('a'), blob('b')];
  const cache = new BlobCache(path, 1000);
  await cache.put(a.digest, a.bytes);
  await cache.put(b.digest, b.bytes);
  utimesSync(join(path, b.digest), 1, 1);
  const again = new BlobCache(path, 250);
  const c = blob('c');
  await again.put(c.digest, c.bytes);
  expect(readdirSync(path).sort()).toEqual([a.digest, c.digest].sort());
});

test('a blob in parts comes out whole', () => {
  for (const size of [0, 1, PART_BYTES, PART_BYTES * 2 + 7]) {
    const { bytes, digest } = blob('x', size);
    const reader = new PartReader();
    const parts = [...partsOf(digest, bytes)];
    expect(parts).toHaveLength(Math.max(1, Math.ceil(size / PART_BYTES)));
    const read = parts.map(([part, payload]) => reader.push(part, payload));
    expect(read.at(-1)!.equals(bytes)).toBe(true);
    expect(read.slice(0, -1).every(part => part === undefined)).toBe(true);
  }
});

test('parts out of order, of another size or of other bytes are refused', () => {
  const { bytes, digest } = blob('x', 10);
  const part = (offset: number, size = 10): Part => ({ t: 'part', digest, offset, size });
  expect(() => new PartReader().push(part(5), bytes)).toThrow(/out of order/);
  expect(() => new PartReader().push(part(0, 5), bytes)).toThrow(/out of order/);
  expect(() => new PartReader().push(part(0, 1e12), bytes)).toThrow(/over the cap/);
  expect(() => new PartReader().push(part(0), Buffer.alloc(10, 'y'))).toThrow(/not those of/);
});
