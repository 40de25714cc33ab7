import { expect, it } from 'vitest';
import { fuzz } from '../../fuzz/fuzz.ts';

/** `FUZZ_INPUTS` sends more; `FUZZ_SEED` sends the same again (`npm run fuzz` can also start from one failure). */
const { FUZZ_INPUTS, FUZZ_SEED, CI } = process.env;
const inputs = Number(FUZZ_INPUTS ?? (CI ? 20_000 : 4_000));
const seed = Number(FUZZ_SEED ?? Date.now() % 2 ** 31);

it(`${inputs} inputs of bad peers break nothing, and an innocent client's tasks end (seed ${seed})`, async () => {
  const report = await fuzz({ inputs, seed, say: console.error });
  console.error(JSON.stringify(report));
  expect(report.inputs).toBeGreaterThanOrEqual(inputs);
  expect(report.canary.tasks).toBeGreaterThan(0);
  // They reached what they were made for: every hop was also given what it takes.
  const outcomes = Object.fromEntries(report.hops.map(hop => [hop.name, Object.keys(hop.outcomes)]));
  expect(outcomes.rest).toEqual(expect.arrayContaining(['200', '201', '404 not-found', '400 request-invalid']));
  expect(outcomes['agent-session']).toEqual(expect.arrayContaining(['open', '4008 request-invalid']));
  // What a hop takes as valid it takes: otherwise the frames after it would never be read.
  for (const name of ['agent-session', 'hostile-broker', 'hostile-manager', 'hostile-agent']) {
    const hop = report.hops.find(hop => hop.name === name)!;
    const sequences = Object.values(hop.outcomes).reduce((sum, count) => sum + count, 0);
    expect((hop.outcomes.open ?? 0) / sequences, name).toBeGreaterThan(0.05);
  }
  expect(outcomes.events).toEqual(expect.arrayContaining(['open', '4008 json-invalid']));
}, 900_000);
