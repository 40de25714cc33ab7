// What the clients of a round ask for, from its seed.
import { limits } from '../../protocol/limits.ts';
import type { Random } from './random.ts';

/** What a function does; see `programs/function.ts`. */
export const behaviours = ['quick', 'slow', 'throw', 'exit', 'kill', 'big', 'binary', 'print'] as const;
export type Behaviour = (typeof behaviours)[number];

/** One planned task. Times in milliseconds from the start of the round. */
export interface PlannedTask {
  key: string;
  /** When it is submitted. */
  at: number;
  /** Index of the endpoint. */
  endpoint: number;
  behaviour: Behaviour;
  /** How long the function takes. */
  ms: number;
  /** Size of its result. */
  bytes: number;
  /** Absent: the default of the broker. */
  maxAttempts?: number;
  /** Submitted by an idempotency key, and so again until it is acknowledged. */
  keyed: boolean;
  /** Submitted once more later, with the same key: after so many milliseconds. */
  againAfter?: number;
  /** The same key with other content is tried right after. */
  conflict: boolean;
  /** Cancelled so long after it was acknowledged. */
  cancelAfter?: number;
  /** Has to start so long after it is submitted. */
  deadlineAfter?: number;
}

/** @returns the tasks of one client, by time */
export function planLoad(random: Random, client: string, count: number, endpoints: number, ms: number): PlannedTask[] {
  const tasks = Array.from({ length: count }, (_, i): PlannedTask => {
    const behaviour = random.weighted<Behaviour>({
      ...{ quick: 50, slow: 18, throw: 8, exit: 3, kill: 3, big: 7, binary: 4, print: 7 },
    });
    const keyed = random.chance(0.85);
    return {
      key: `${client}-${i}`,
      at: random.whole(0, ms),
      endpoint: random.whole(0, endpoints - 1),
      behaviour,
      ms: behaviour === 'slow' ? random.whole(100, 1_500) : random.whole(0, 10),
      bytes:
        behaviour === 'big' ? random.whole(limits.inlinePayload + 1, 20 * limits.inlinePayload) : random.whole(1, 64),
      ...(random.chance(0.3) ? { maxAttempts: 1 } : {}),
      keyed,
      ...(keyed && random.chance(0.15) ? { againAfter: random.whole(0, 3_000) } : {}),
      conflict: keyed && random.chance(0.03),
      ...(random.chance(0.06) ? { cancelAfter: random.whole(0, 1_000) } : {}),
      ...(random.chance(0.05) ? { deadlineAfter: random.whole(100, 2_500) } : {}),
    };
  });
  return tasks.sort((a, b) => a.at - b.at);
}
