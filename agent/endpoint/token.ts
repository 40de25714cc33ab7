import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { EndpointPaths } from './folder.ts';

/**
 * The token of an endpoint, which only its user may be able to read.
 * @throws RunaboutError `endpoint-config`
 */
export function readToken(paths: Pick<EndpointPaths, 'token'>): string {
  let token: string;
  try {
    if (process.platform !== 'win32' && (statSync(paths.token).mode & 0o077) !== 0) {
      throw new RunaboutError('endpoint-config', `Others can read the token in ${paths.token}.`, {
        hint: `Run: chmod 600 ${paths.token}`,
      });
    }
    token = readFileSync(paths.token, 'utf8').trim();
  } catch (error) {
    if (error instanceof RunaboutError) throw error;
    throw new RunaboutError('endpoint-config', `The token of the endpoint is missing: ${paths.token}.`, {
      cause: error,
    });
  }
  if (token === '') throw new RunaboutError('endpoint-config', `The token in ${paths.token} is empty.`);
  return token;
}

/** Writes a token for this user only. Who reads it meanwhile finds the old one or the new one, whole. */
export function writeToken(paths: Pick<EndpointPaths, 'token'>, token: string): void {
  const temporary = `${paths.token}.${process.pid}`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(file, `${token}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, paths.token);
}

const LOOK_MS = 100;

/** The token of a running agent: its file may get a new one at any time. */
export class EndpointToken {
  readonly #paths: Pick<EndpointPaths, 'token'>;
  #last: string;

  /** @throws RunaboutError `endpoint-config` */
  constructor(paths: Pick<EndpointPaths, 'token'>) {
    this.#paths = paths;
    this.#last = readToken(paths);
  }

  /** As the file has it now; the last one that could be read, while it has none. */
  get current(): string {
    try {
      this.#last = readToken(this.#paths);
    } catch {
      // Somebody is at work on the file.
    }
    return this.#last;
  }

  /** Waits until the file has another token than a refused one; false when it has none in time. */
  async replaces(refused: string, withinMs: number): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while (this.current === refused) {
      if (performance.now() >= deadline) return false;
      await new Promise(resolve => setTimeout(resolve, LOOK_MS));
    }
    return true;
  }
}
