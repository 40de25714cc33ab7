import type { Id } from '../../protocol/ids.ts';

/** How many tasks are remembered: more than the broker has on their way to an agent, and about 2 MB. */
const REMEMBERED = 16_384;

/**
 * The attempts that are over and forgotten. The broker never sends one of them again; something in between that repeats
 * a frame might, and the task would run once more.
 */
export class Settled {
  /** The last attempt of each task, in the order in which they were settled. */
  readonly #attempts = new Map<Id, number>();

  add(task: Id, attempt: number): void {
    this.#attempts.delete(task);
    this.#attempts.set(task, attempt);
    if (this.#attempts.size > REMEMBERED) this.#attempts.delete(this.#attempts.keys().next().value!);
  }

  has(task: Id, attempt: number): boolean {
    return attempt <= (this.#attempts.get(task) ?? 0);
  }
}
