import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { BlobFiles } from '../../../broker/blobs/files.ts';
import { digestOf } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';

async function* chunks(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

it('keeps bytes under their digest, and takes them again', async () => {
  const files = await BlobFiles.open(folder());
  const digest = digestOf('hello');
  expect(await files.put(digest, chunks('hel', 'lo'), 5)).toBe(5);
  expect(await files.put(digest, chunks('hello'), 5)).toBe(5);
  expect(await text(files.read(digest))).toBe('hello');
  expect(await files.write(Buffer.from('hello'))).toBe(digest);
});

it('keeps nothing of what does not match, is too large, or breaks off', async () => {
  const root = folder();
  const files = await BlobFiles.open(root);
  const digest = digestOf('hello');
  async function* broken() {
    yield Buffer.from('hel');
    throw new Error('gone');
  }
  await expect(files.put(digest, chunks('hullo'), 5)).rejects.toMatchObject({ code: 'digest-mismatch' });
  await expect(files.put(digest, chunks('hello', '!'), 5)).rejects.toMatchObject({ code: 'body-too-large' });
  await expect(files.put(digest, broken(), 5)).rejects.toThrow('gone');
  expect(readdirSync(join(root, digest.slice(0, 2)))).toEqual([]);
  expect(readdirSync(join(root, 'incoming'))).toEqual([]);
});

it('removes what a crash left half-written', async () => {
  const root = folder();
  await BlobFiles.open(root);
  writeFileSync(join(root, 'incoming', 'half'), 'x');
  await BlobFiles.open(root);
  expect(readdirSync(join(root, 'incoming'))).toEqual([]);
});

// A limit on the size of files does what a full disk does: a write takes a part, and only the next one fails.
it.skipIf(process.platform === 'win32')('never takes a part for the whole when the disk is full', () => {
  const root = folder();
  const module = new URL('../../../broker/blobs/files.ts', import.meta.url).href;
  const program = `
    const { BlobFiles } = await import(${JSON.stringify(module)});
    const files = await BlobFiles.open(${JSON.stringify(root)});
    await files.write(Buffer.alloc(100_000, 65)).then(() => console.log('stored'), error => console.log(error.code));
  `;
  const limited = ['-c', 'ulimit -f 16; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', program];
  expect(execFileSync('sh', limited, { encoding: 'utf8' })).toBe('EFBIG\n');
  expect(readdirSync(join(root, 'incoming'))).toEqual([]);
});
