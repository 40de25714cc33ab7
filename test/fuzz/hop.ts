import type * as fc from 'fast-check';

/**
 * One boundary that bad input can cross: how such input is made, and what must hold after it. A thrown error is a
 * failure; fast-check then looks for the smallest input that fails the same way.
 */
export interface Hop<T = unknown> {
  readonly name: string;
  /** Its part of all inputs, compared with the parts of the others. */
  readonly share: number;
  /** How many of them run beside each other. */
  readonly lanes: number;
  readonly input: fc.Arbitrary<T>;
  /** Inputs in one value of {@link input}: a sequence of frames counts each of them. */
  count(input: T): number;
  /** @param lane which of them, from 0. Returns what came of it, in a word, to be counted. */
  check(input: T, lane: number): Promise<string> | string;
}

/** A hop among others, whatever its inputs are. */
export type AnyHop = Omit<Hop, 'input' | 'count' | 'check'> & {
  input: fc.Arbitrary<unknown>;
  count(input: never): number;
  check(input: never, lane: number): Promise<string> | string;
};
