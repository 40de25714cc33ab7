/**
 * A walk that goes a step up or down at random, from the same seed always the same.
 *
 * @remote
 * @param steps how long to walk
 * @param seed which walk
 * @example randomWalk(2000)
 * @example randomWalk(100_000, 42)
 */
export const randomWalk = (steps: number, seed = 1): number[] => {
  const random = mulberry32(seed);
  const heights = [0];
  for (let i = 1; i < steps; i++) heights.push(heights[i - 1]! + (random() < 0.5 ? -1 : 1));
  return heights;
};

/** Tommy Ettinger's Mulberry32: a small generator of good numbers between 0 and 1. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
