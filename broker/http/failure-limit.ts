import type { Clock } from '../clock.ts';

/** How long failures count, in milliseconds. */
export const WINDOW_MS = 60_000;
/** Addresses remembered, so that failures from everywhere cannot fill the memory. */
const REMEMBERED = 10_000;

/**
 * Counts failed authentications per address. It slows down who tries out tokens or goes on with a revoked one; a valid
 * token always passes, so that nobody behind the same address is locked out.
 */
export class FailureLimit {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #windows = new Map<string, { failures: number; until: number }>();

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Counts one, and says whether there were too many in this window. */
  count(address: string): boolean {
    const now = this.#clock.now();
    let window = this.#windows.get(address);
    if (!window || window.until <= now) {
      if (this.#windows.size >= REMEMBERED) this.#windows.clear();
      window = { failures: 0, until: now + WINDOW_MS };
      this.#windows.set(address, window);
    }
    window.failures += 1;
    return window.failures > this.#most;
  }
}
