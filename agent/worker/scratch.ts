import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../remove-tree.ts';
import type { Environment } from './environment.ts';

// Held from before any user's code ran.
const { cwd, chdir } = process;

/**
 * The folder a task works in, which is its TMPDIR too; the tasks of a shared worker have it together. A folder that a task left empty goes to the next one; any other
 * is removed. What a crash leaves behind, the manager removes with the worker's whole folder.
 */
export class Scratch {
  readonly #base: string;
  readonly #environment: Environment;
  #folder = '';
  #count = 0;

  /** @param base the worker's own folder; it exists */
  constructor(base: string, environment: Environment) {
    this.#base = base;
    this.#environment = environment;
    this.#next();
  }

  /** Before a task. */
  enter(): void {
    if (cwd() !== this.#folder) chdir(this.#folder);
  }

  /** After a task, when no other one runs. Throws when there is no folder for the next one. */
  clear(): void {
    if (isEmpty(this.#folder)) return;
    const used = this.#folder;
    this.#next();
    chdir(this.#folder);
    try {
      rmSync(used, { recursive: true, force: true, maxRetries: 2 });
    } catch {
      // The next task does not work in it, and so does not wait: it is removed beside it, or with the worker's folder.
      void removeTree(used);
    }
  }

  #next(): void {
    this.#folder = join(this.#base, String(++this.#count));
    mkdirSync(this.#folder, { mode: 0o700 });
    this.#environment.grant('TMPDIR', this.#folder);
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    // Removed or locked by the task: it gets no second user.
    return false;
  }
}
