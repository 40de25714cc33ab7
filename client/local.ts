import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { runaboutHome } from './credentials.ts';
import type { Connection } from './http.ts';

/** A broker that a person started for themselves on this machine (`runabout up`). */
export const LocalBroker = z.object({
  url: z.string(),
  /** A file only this user can read. */
  tokenFile: z.string(),
  pid: z.number().int(),
});
export type LocalBroker = z.infer<typeof LocalBroker>;

const localFile = (home: string) => join(home, 'local.json');

/** The broker that `runabout up` started under this home, if its process still runs. */
export function findLocalBroker(home: string = runaboutHome()): LocalBroker | undefined {
  try {
    const local = LocalBroker.parse(JSON.parse(readFileSync(localFile(home), 'utf8')));
    process.kill(local.pid, 0);
    return local;
  } catch {
    return undefined;
  }
}

/** How to reach it, as its owner. */
export function localConnection(home?: string): Connection | undefined {
  const local = findLocalBroker(home);
  if (!local) return undefined;
  try {
    return { url: local.url, token: readFileSync(local.tokenFile, 'utf8').trim() };
  } catch {
    return undefined;
  }
}

export function announceLocalBroker(home: string, local: LocalBroker): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const temporary = `${localFile(home)}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(local, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, localFile(home));
}

export function withdrawLocalBroker(home: string): void {
  rmSync(localFile(home), { force: true });
}
