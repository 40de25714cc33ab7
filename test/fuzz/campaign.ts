import * as fc from 'fast-check';
import type { AnyHop, Hop } from './hop.ts';
import { Violation } from './violation.ts';

export interface CampaignOptions {
  /** Inputs of all hops together. */
  inputs: number;
  seed: number;
  /** Of one hop only, and there from this path of fast-check on: how a failure is run again. */
  path?: string | undefined;
  progress?(done: number): void;
  /** Ends it early, in order. */
  signal?: AbortSignal | undefined;
}

/** What came of one hop. */
export interface HopReport {
  name: string;
  inputs: number;
  seconds: number;
  /** How many of the inputs, or of the sequences of them, ended how. */
  outcomes: Record<string, number>;
}

/** A failure as it is printed: enough to run it again, and the smallest input that still fails. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/** Runs of one property after which the counts are looked at. */
const BLOCK = 50;

/**
 * Runs every hop until it has had its share of the inputs, all hops beside each other, each in its lanes.
 * @throws FuzzFailure for the first violation
 */
export async function campaign(hops: readonly AnyHop[], options: CampaignOptions): Promise<HopReport[]> {
  const shares = hops.reduce((sum, { share }) => sum + share, 0);
  let total = 0;
  let failed: unknown;
  const run = async (any: AnyHop): Promise<HopReport> => {
    const hop = any as Hop;
    const wanted = Math.ceil((options.inputs * hop.share) / shares);
    const started = performance.now();
    let inputs = 0;
    let block = 0;
    const outcomes: Record<string, number> = {};
    const lane = async (number: number) => {
      while (inputs < wanted && failed === undefined && !options.signal?.aborted) {
        // Each block has a seed of its own, so that a failure is found again without what ran before it.
        const seed = (options.seed + 0x9e3779b9 * ++block) & 0x7fffffff;
        const done = await runBlock(
          hop,
          outcomes,
          number,
          Math.min(BLOCK, wanted - inputs),
          options.path ? options.seed : seed,
          options.path,
        );
        inputs += done;
        total += done;
        options.progress?.(total);
        if (options.path) return;
      }
    };
    try {
      await Promise.all(Array.from({ length: options.path ? 1 : hop.lanes }, (_, number) => lane(number)));
    } catch (error) {
      failed ??= error;
    }
    return { name: hop.name, inputs, seconds: (performance.now() - started) / 1000, outcomes };
  };
  const reports = await Promise.all(hops.map(run));
  if (failed !== undefined) throw failed;
  return reports;
}

/** How long the event loop may be held up by hops that never wait, in milliseconds. */
const BREATH_MS = 5;
let breathed = 0;

/** Lets sockets and timers have their turn: the innocent client is in this process too. */
async function breathe(): Promise<void> {
  if (performance.now() - breathed < BREATH_MS) return;
  await new Promise(resolve => setImmediate(resolve));
  breathed = performance.now();
}

async function runBlock(
  hop: Hop,
  outcomes: Record<string, number>,
  lane: number,
  runs: number,
  seed: number,
  path: string | undefined,
): Promise<number> {
  let count = 0;
  const property = fc.asyncProperty(hop.input, async input => {
    count += hop.count(input);
    await breathe();
    try {
      const outcome = await hop.check(input, lane);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    } catch (error) {
      throw error instanceof Violation ? error : new Violation(`${(error as Error)?.stack ?? error}`, { cause: error });
    }
  });
  const outcome = await fc.check(property, {
    numRuns: runs,
    seed,
    ...(path === undefined ? {} : { path }),
    // A shrink over real processes is slow: it takes what it has after that.
    interruptAfterTimeLimit: 120_000,
  });
  if (!outcome.failed || outcome.counterexample === null) return count;
  const shown = fc.stringify(outcome.counterexample[0]);
  throw new FuzzFailure(
    `${hop.name}: ${(outcome.errorInstance as Error)?.message}\n` +
      `Smallest input found: ${shown.length > 4_000 ? `${shown.slice(0, 4_000)}… (${shown.length} characters)` : shown}\n` +
      `Again: npm run fuzz -- --hop ${hop.name} --seed ${outcome.seed} --path ${outcome.counterexamplePath}`,
  );
}
