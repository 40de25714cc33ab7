import type { Have } from '../../protocol/broker-agent/messages.ts';
import type { Id } from '../../protocol/ids.ts';
import type { BlobCache } from '../blobs/cache.ts';
import type { Journal } from '../journal/journal.ts';
import { blobOf, type Ending } from '../journal/log.ts';
import { Attempt } from './attempt.ts';
import { Settled } from './settled.ts';

export const NOTHING = new Uint8Array(0);

/** Which attempts are here, at most one of each task, and which have been. */
export class Inventory {
  readonly #journal: Journal;
  readonly #cache: BlobCache;
  readonly #attempts = new Map<Id, Attempt>();
  readonly #settled = new Settled();
  #open = 0;

  /** What the journal has is here again. */
  constructor(journal: Journal, cache: BlobCache) {
    this.#journal = journal;
    this.#cache = cache;
    for (const { task, attempt: number, phase, digest, ending } of journal.rows()) {
      if (phase === 'accepted') {
        // The broker sends it again, since this agent does not claim to have it.
        journal.forget(task);
        continue;
      }
      const attempt = new Attempt(task, number, digest);
      attempt.journaled = true;
      attempt.stage = 'started';
      this.add(attempt);
      if (!ending) continue;
      this.end(attempt, ending);
      const blob = blobOf(ending);
      if (blob) void cache.pin(blob);
    }
  }

  [Symbol.iterator](): Iterator<Attempt> {
    return this.#attempts.values();
  }

  /** How many have not ended. */
  get open(): number {
    return this.#open;
  }

  /** How many were started and have not ended. */
  get running(): number {
    let count = 0;
    for (const { stage } of this) if (stage === 'started') count += 1;
    return count;
  }

  /** How many results the broker has not settled. */
  get undelivered(): number {
    let count = 0;
    for (const { ending } of this) if (ending?.message.t === 'result') count += 1;
    return count;
  }

  /** What the agent tells a broker that it has. */
  have(): Have {
    const have: Have = [];
    for (const { task, attempt, mayHaveBegun, journaled, ending } of this) {
      // A lost attempt has no result to deliver: the broker may still think that it runs.
      const phase = ending?.message.t === 'result' ? 'ended' : ending || mayHaveBegun ? 'started' : 'accepted';
      if (journaled) have.push([task, attempt, phase]);
    }
    return have;
  }

  get(task: Id): Attempt | undefined {
    return this.#attempts.get(task);
  }

  has(attempt: Attempt): boolean {
    return this.#attempts.get(attempt.task) === attempt;
  }

  /** Whether this attempt of a task, or a later one, was here and is forgotten. */
  isOver(task: Id, attempt: number): boolean {
    return this.#settled.has(task, attempt);
  }

  add(attempt: Attempt): void {
    this.#attempts.set(attempt.task, attempt);
    this.#open += 1;
  }

  /** It has ended, and stays until its ending is settled. */
  end(attempt: Attempt, ending: Ending): void {
    attempt.stage = 'ended';
    attempt.args = NOTHING;
    attempt.ending = ending;
    this.#open -= 1;
  }

  /** Forgets it here and in the journal, for good: it does not come again. `false`: it was not here. */
  forget(attempt: Attempt): boolean {
    if (!this.drop(attempt)) return false;
    this.#settled.add(attempt.task, attempt.attempt);
    return true;
  }

  /** As {@link forget}, but it may come again. */
  drop(attempt: Attempt): boolean {
    if (!this.has(attempt)) return false;
    this.#attempts.delete(attempt.task);
    this.#journal.forget(attempt.task);
    if (attempt.stage !== 'ended') this.#open -= 1;
    const blob = attempt.ending && blobOf(attempt.ending);
    if (blob) this.#cache.unpin(blob);
    attempt.ending = undefined;
    return true;
  }
}
