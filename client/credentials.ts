import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import type { Connection } from './http.ts';

const Stored = z.object({ url: z.string(), token: z.string() });

/** The folder of a person's own Runabout files: `$RUNABOUT_HOME`, else `~/.runabout`. */
export function runaboutHome(): string {
  return process.env.RUNABOUT_HOME ?? join(homedir(), '.runabout');
}

const credentialsFile = () => join(runaboutHome(), 'credentials.json');

/**
 * How the terminal reaches a broker: `RUNABOUT_URL` and `RUNABOUT_TOKEN`, else what `runabout login` stored.
 * VS Code does not use this: it keeps tokens in its secret storage.
 */
export function storedConnection(): Connection | undefined {
  const { RUNABOUT_URL: url, RUNABOUT_TOKEN: token } = process.env;
  if (url && token) return { url, token };
  try {
    return Stored.parse(JSON.parse(readFileSync(credentialsFile(), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Stores a connection so that only this user can read it, and returns the file's name. */
export function storeConnection(connection: Connection): string {
  const file = credentialsFile();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(Stored.parse(connection), null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
  return file;
}

/** Forgets the stored connection. */
export function forgetConnection(): void {
  rmSync(credentialsFile(), { force: true });
}
