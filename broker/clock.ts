/** The broker's time. Tests bring their own. */
export interface Clock {
  /** Whole milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Calls `callback` once, after `ms` milliseconds, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
}

/** A clock that knows what it has told. */
export interface WatchedClock extends Clock {
  /**
   * By how many milliseconds the clock stands behind the latest time that it told anybody since the last call; 0 when
   * it was not set back.
   */
  setBackMs(): number;
}

/** Watches another clock. One that is ahead for a moment only would show to nobody who just looks now and then. */
export function watched(clock: Clock): WatchedClock {
  let latest = 0;
  return {
    now() {
      const now = clock.now();
      latest = Math.max(latest, now);
      return now;
    },
    after: (ms, callback) => clock.after(ms, callback),
    setBackMs() {
      const now = clock.now();
      const by = Math.max(0, latest - now);
      latest = now;
      return by;
    },
  };
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
