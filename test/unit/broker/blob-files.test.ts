import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { BlobFiles } from '../../../broker/blobs/files.ts';
import { digestOf } from '../../../protocol/ids.ts';
import { folder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

async function* chunks(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

const recorded = async () => {};

async function listed(files: BlobFiles): Promise<string[][]> {
  const folders: string[][] = [];
  for await (const digests of files.digests()) folders.push(digests);
  return folders;
}

it('keeps bytes under their digest, and takes them again', async () => {
  const files = await BlobFiles.open(folder());
  const digest = digestOf('hello');
  expect(await files.put(digest, chunks('hel', 'lo'), 5, recorded)).toBe(5);
  expect(await files.put(digest, chunks('hello'), 5, recorded)).toBe(5);
  expect(await text(files.read(digest))).toBe('hello');
  expect(await files.write(Buffer.from('hello'), recorded)).toBe(digest);
});

it('keeps nothing of what does not match, is too large, or breaks off', async () => {
  const root = folder();
  const files = await BlobFiles.open(root);
  const digest = digestOf('hello');
  async function* broken() {
    yield Buffer.from('hel');
    throw new Error('gone');
  }
  await expect(files.put(digest, chunks('hullo'), 5, recorded)).rejects.toMatchObject({ code: 'digest-mismatch' });
  await expect(files.put(digest, chunks('hello', '!'), 5, recorded)).rejects.toMatchObject({ code: 'body-too-large' });
  await expect(files.put(digest, broken(), 5, recorded)).rejects.toThrow('gone');
  expect(readdirSync(join(root, digest.slice(0, 2)))).toEqual([]);
  expect(readdirSync(join(root, 'incoming'))).toEqual([]);
});

it('removes bytes only when they can be forgotten, and never while they are being recorded', async () => {
  const files = await BlobFiles.open(folder());
  const digest = digestOf('hello');
  const steps: string[] = [];
  const put = files.put(digest, chunks('hello'), 5, async () => {
    steps.push('recording');
    await new Promise(setImmediate);
    steps.push('recorded');
  });
  await until('the bytes are in place', () => steps.length > 0);
  const removal = files.remove(digest, async () => steps.push('asked') < 0);
  await put;
  expect(await removal).toBe(false);
  expect(steps).toEqual(['recording', 'recorded', 'asked']);
  expect((await listed(files)).flat()).toEqual([digest]);

  const removed = files.remove(digest, async () => true);
  const again = files.put(digest, chunks('hello'), 5, async () => steps.push('again'));
  expect(await Promise.all([removed, again])).toEqual([true, 5]);
  expect(await text(files.read(digest))).toBe('hello');
  await expect(files.remove(digest, () => Promise.reject(new Error('no store')))).rejects.toThrow('no store');
  expect(await files.remove(digest, async () => true)).toBe(true);
  expect((await listed(files)).flat()).toEqual([]);
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
    await files.write(Buffer.alloc(100_000, 65), async () => {}).then(() => console.log('stored'), error => console.log(error.code, error.cause.code));
  `;
  const limited = ['-c', 'ulimit -f 16; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', program];
  expect(execFileSync('sh', limited, { encoding: 'utf8' })).toBe('broker-storage EFBIG\n');
  expect(readdirSync(join(root, 'incoming'))).toEqual([]);
});
