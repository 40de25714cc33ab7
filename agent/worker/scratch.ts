import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// Held from before any user's code ran.
const { cwd, chdir } = process;

/**
 * The folder a task works in, and the environment it sees. Both are put right before each task, since a worker stays
 * warm over many. A folder that a task left empty goes to the next one; any other is removed. What a crash leaves
 * behind, the manager removes with the worker's whole folder.
 */
export class Scratch {
  readonly #base: string;
  readonly #granted: NodeJS.ProcessEnv;
  #folder = '';
  #count = 0;

  /** @param base the worker's own folder; it exists */
  constructor(base: string) {
    this.#base = base;
    this.#granted = { ...process.env };
    this.#next();
  }

  /** Before a task. */
  prepare(task: string, attempt: number): void {
    process.env.RUNABOUT_TASK = task;
    process.env.RUNABOUT_ATTEMPT = String(attempt);
    if (cwd() !== this.#folder) chdir(this.#folder);
  }

  /** After a task. */
  clear(): void {
    for (const name of Object.keys(process.env)) {
      if (!Object.hasOwn(this.#granted, name)) delete process.env[name];
    }
    for (const name in this.#granted) {
      if (process.env[name] !== this.#granted[name]) process.env[name] = this.#granted[name];
    }
    if (isEmpty(this.#folder)) return;
    const used = this.#folder;
    this.#next();
    chdir(this.#folder);
    rmSync(used, { recursive: true, force: true, maxRetries: 2 });
  }

  #next(): void {
    this.#folder = join(this.#base, String(++this.#count));
    mkdirSync(this.#folder, { mode: 0o700 });
    this.#granted.TMPDIR = this.#folder;
    process.env.TMPDIR = this.#folder;
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
