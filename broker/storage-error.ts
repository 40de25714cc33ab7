import { RunaboutError } from '../protocol/errors/error.ts';

/** What is wrong with the disk, by SQLite's primary result codes and by the codes of the file system. */
const words: Record<string, string> = {
  5: 'another program holds its database',
  8: 'its database is read-only',
  10: 'its disk fails',
  13: 'its disk is full',
  14: 'its database cannot be opened',
  ENOSPC: 'its disk is full',
  EDQUOT: 'its disk quota is used up',
  EFBIG: 'a file may not grow further',
  EIO: 'its disk fails',
  EROFS: 'its disk is read-only',
  EMFILE: 'it has too many files open',
  ENFILE: 'its machine has too many files open',
};

/** A failure of the disk as the caller sees it; `undefined` for any other error. It passes when the disk is well again. */
export function storageError(cause: unknown): RunaboutError | undefined {
  const { code, errcode } = cause as { code?: string; errcode?: number };
  // SQLite's extended codes have the primary one in their lowest byte.
  const why = words[code === 'ERR_SQLITE_ERROR' ? (errcode ?? 0) & 0xff : (code ?? '')];
  if (why === undefined) return undefined;
  return new RunaboutError('broker-storage', `The broker cannot store anything now: ${why}. Nothing was done.`, {
    hint: 'Try again later. Who runs the broker has to look after the disk of its data folder.',
    cause,
  });
}
