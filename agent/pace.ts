import type { Digest } from '../protocol/ids.ts';

const WEIGHT = 0.2;
const REMEMBERED = 1024;
/** What a task costs at least, in milliseconds, when only its way through the processes counts. */
const LEAST_MS = 0.02;

/**
 * How long tasks take, learnt from those that ended: an exponentially weighted mean per bundle and one over all. It
 * decides how much work is sent ahead, never whether something is run.
 */
export class Pace {
  readonly #means = new Map<Digest, number>();
  #overall = Number.POSITIVE_INFINITY;

  /** Milliseconds that the next task of this bundle will take; infinite when nothing is known. */
  expect(digest: Digest): number {
    return this.#means.get(digest) ?? Number.POSITIVE_INFINITY;
  }

  /** Milliseconds that any next task will take. */
  get overall(): number {
    return this.#overall;
  }

  observe(digest: Digest, ms: number): void {
    const value = Math.max(ms, LEAST_MS);
    const mean = this.#means.get(digest);
    // Used last means forgotten last.
    this.#means.delete(digest);
    this.#means.set(digest, mix(mean, value));
    if (this.#means.size > REMEMBERED) this.#means.delete(this.#means.keys().next().value!);
    this.#overall = mix(Number.isFinite(this.#overall) ? this.#overall : undefined, value);
  }
}

function mix(mean: number | undefined, value: number): number {
  return mean === undefined ? value : mean + WEIGHT * (value - mean);
}
