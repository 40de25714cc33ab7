import type { Id } from '../../protocol/ids.ts';

/** How many tasks are remembered at least: more than the broker has on their way to an agent. Twice as many take 2 MB. */
const REMEMBERED = 8_192;

/**
 * The attempts that are over and forgotten. The broker never sends one of them again; something in between that repeats
 * a frame might, and the task would run once more.
 */
export class Settled {
  // Two generations: taking the oldest entry of one `Map`, again and again, walks over the places of all before it.
  /** The last attempt of each task. */
  #recent = new Map<Id, number>();
  #older = new Map<Id, number>();

  add(task: Id, attempt: number): void {
    if (this.#recent.size >= REMEMBERED) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(task, attempt);
  }

  has(task: Id, attempt: number): boolean {
    return attempt <= (this.#recent.get(task) ?? this.#older.get(task) ?? 0);
  }
}
