import type { Digest } from '../../protocol/ids.ts';

/** What a manager has to do, as far as the scheduler needs to know. */
export interface Load {
  /** Tasks it can run at once. */
  readonly slots: number;
  /** Tasks it holds, running or next. */
  readonly held: number;
  /** Those among them of which nobody knows how long they take, or that take long. */
  readonly unknown: number;
  /** Sum of the expected milliseconds of the others. */
  readonly expectedMs: number;
  isWarm(digest: Digest): boolean;
}

/** Work is sent ahead to busy workers as long as they are done with it in this many milliseconds. */
const AHEAD_MS = 20;
/** Tasks held beyond the slots at the most, per slot. */
const AHEAD_MOST = 2048;

/**
 * Whether a manager takes one more task. With a free slot always. Beyond that only short tasks after short tasks: a
 * round trip through the agent then costs no idle time, while nothing short ever stands behind something long.
 */
export function takes(load: Load, expectedMs: number): boolean {
  if (load.held < load.slots) return true;
  if (load.unknown > 0 || !Number.isFinite(expectedMs)) return false;
  if (load.held >= load.slots * (1 + AHEAD_MOST)) return false;
  return (load.expectedMs + expectedMs) / load.slots <= AHEAD_MS;
}

/** The manager for a task: one that is warm for its bundle if there is one, and of those the least loaded. */
export function choose<T extends Load>(loads: Iterable<T>, digest: Digest, expectedMs: number): T | undefined {
  let best: T | undefined;
  let bestWarm = false;
  for (const load of loads) {
    if (!takes(load, expectedMs)) continue;
    const warm = load.isWarm(digest);
    if (!best || (warm && !bestWarm) || (warm === bestWarm && load.held / load.slots < best.held / best.slots)) {
      best = load;
      bestWarm = warm;
    }
  }
  return best;
}

/** Tasks an agent wants from the broker beyond its slots, so that none of them waits for the next one's way. */
const PREFETCH_MS = 50;
const PREFETCH_MOST = 4096;

/** How many tasks an agent should have in all: its slots, and what they will work off in a moment. */
export function wanted(slots: number, meanMs: number): number {
  if (slots === 0) return 0;
  const ahead = Number.isFinite(meanMs) ? Math.ceil((slots * PREFETCH_MS) / meanMs) : slots;
  // More than the managers take ahead would only wait here.
  return slots + Math.min(PREFETCH_MOST, slots * AHEAD_MOST, ahead);
}
