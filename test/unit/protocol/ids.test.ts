import { expect, test } from 'vitest';
import { Digest, digestOf, Id, newId } from '../../../protocol/ids.ts';

test('ids are valid UUIDv7, unique, and sort in the order they were made', () => {
  const ids = Array.from({ length: 20_000 }, () => newId());
  expect(Id.safeParse(ids[0]).success).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});

test('a clock that goes back does not put a new id before an old one', () => {
  const first = newId(Date.now() + 60_000);
  expect(newId(Date.now()) > first).toBe(true);
});

test('the time of an id can be read from it', () => {
  const now = Date.now() + 120_000;
  expect(Number.parseInt(newId(now).replaceAll('-', '').slice(0, 12), 16)).toBe(now);
});

test('digests are sha256 in hexadecimal', () => {
  expect(digestOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(Digest.safeParse(digestOf('abc').toUpperCase()).success).toBe(false);
});
