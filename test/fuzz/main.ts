// `npm run fuzz -- --inputs N --seed S`: bad peers of every kind against real processes, until that many inputs were
// tried or one of them broke something. A failure prints how to run it again. One line of JSON at the end.
import { parseArgs } from 'node:util';
import { buildIfStale } from '../../scripts/build.mjs';
import { FuzzFailure } from './campaign.ts';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    /** One hop, and where in its inputs: what a failure prints. */
    hop: { type: 'string' },
    path: { type: 'string' },
  },
});

// The processes that it started end with it.
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

await buildIfStale();
console.error(`Fuzzing with ${values.inputs} inputs, seed ${values.seed}.`);
try {
  const report = await fuzz({
    inputs: Number(values.inputs),
    seed: Number(values.seed),
    hop: values.hop,
    path: values.path,
    say: text => console.error(text),
    signal: stop.signal,
  });
  console.log(JSON.stringify(report));
} catch (error) {
  console.error(error instanceof FuzzFailure ? error.message : error);
  process.exitCode = 1;
}
