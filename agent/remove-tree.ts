import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes a folder that tasks wrote to, with all in it; one that is not there is fine. Never rejects: what could not be
 * removed is no reason to end a process, and is returned for the log.
 */
export async function removeTree(path: string): Promise<Error | undefined> {
  // Something that still writes there can fill a folder that was just emptied: hence the retries.
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 });
  try {
    await remove().catch(async error => {
      if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error;
      await makeWritable(path);
      await remove();
    });
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Makes the folders of a tree its owner's to change. Links are not followed: they may lead anywhere. */
async function makeWritable(path: string): Promise<void> {
  try {
    const found = await lstat(path);
    if (!found.isDirectory()) return;
    await chmod(path, found.mode | 0o700);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await makeWritable(join(path, entry.name));
    }
  } catch {
    // The removal that follows says what is wrong.
  }
}
