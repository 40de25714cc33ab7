import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../protocol/ids.ts';
import type { BrokerStore } from './store/contract.ts';
import { newToken, tokenHash } from './tokens.ts';

/**
 * Makes sure that the data folder holds the owner's token, readable by its user alone, and that the store knows it.
 * Whoever may write the folder is the owner: without the file, or with another token in it, that one counts.
 * @returns the file's name
 */
export async function ensureOwnerToken(dataDir: string, store: BrokerStore, now: number): Promise<string> {
  const file = join(dataDir, 'owner-token');
  let hash = tokenHash((await readFile(file, 'utf8').catch(() => '')).trim());
  if (hash === undefined) {
    const token = newToken('owner');
    hash = tokenHash(token)!;
    await writeSecret(file, `${token}\n`);
  }
  if (!(await store.findToken({ tokenHash: hash }))) {
    await store.setOwner({ id: newId(), name: 'owner', tokenHash: hash, now });
  }
  return file;
}

async function writeSecret(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
