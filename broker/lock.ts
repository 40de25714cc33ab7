import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RunaboutError } from '../protocol/errors/error.ts';

const LOCK = 'broker.lock';

/**
 * Makes this process the only broker of a data folder, until it releases the lock or dies: it is a lock of the
 * operating system, which SQLite takes for us on a file of its own, so that a crash leaves nothing stale behind.
 * @returns what releases it
 * @throws RunaboutError `broker-running`
 */
export function lockFolder(dataDir: string): () => void {
  const db = new DatabaseSync(join(dataDir, LOCK));
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (cause) {
    db.close();
    throw new RunaboutError('broker-running', `Another broker serves the data folder ${dataDir}.`, {
      hint: 'Use that one, stop it, or choose another data folder.',
      cause,
    });
  }
  return () => db.close();
}

/** Whether a broker serves the data folder now. One that has ended does not, even while its process is collected. */
export function isServed(dataDir: string): boolean {
  if (!existsSync(join(dataDir, LOCK))) return false;
  try {
    lockFolder(dataDir)();
    return false;
  } catch {
    return true;
  }
}
