/**
 * π by throwing darts: each round throws some more, says how it goes and yields the estimate so far.
 *
 * @remote timeout=5m
 * @param rounds how many estimates to make
 * @param darts thrown in each round
 * @example estimatePi(8)
 * @example estimatePi(20, 2_000_000)
 */
export function* estimatePi(rounds = 8, darts = 400_000): Generator<number> {
  let inside = 0;
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < darts; i++) if (Math.random() ** 2 + Math.random() ** 2 < 1) inside++;
    const estimate = (4 * inside) / (round * darts);
    const off = Math.abs(estimate - Math.PI);
    console.log(`round ${round} of ${rounds}: ${estimate.toFixed(6)}, off by ${off.toExponential(1)}`);
    yield estimate;
  }
}
