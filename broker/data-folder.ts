import { chmod, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RunaboutError } from '../protocol/errors/error.ts';

/**
 * Makes the data folder, with its parents, for this user alone: what people run and what comes back is nobody else's
 * business.
 * @throws RunaboutError `broker-internal` when it cannot be made
 */
export async function openDataFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await chmod(folder, 0o700);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new RunaboutError('broker-internal', `The data folder ${folder} cannot be used: ${code ?? message}.`, {
      hint: 'Name a folder that this user may write, with --data.',
      cause,
    });
  }
}

/** Not `mkdir` with `recursive`: that one never returns where the kernel says of a new folder that it is not there. */
async function makeFolder(folder: string, parents = true): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || !parents || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await makeFolder(folder, false);
  }
}
