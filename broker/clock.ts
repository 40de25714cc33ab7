/** The broker's time. Tests bring their own. */
export interface Clock {
  /** Whole milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Calls `callback` once, after `ms` milliseconds, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
}

/** setTimeout holds no longer delay. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: Date.now,
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_MS));
    return () => clearTimeout(timer);
  },
};
