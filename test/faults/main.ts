// `npm run faults -- [--minutes N] [--seed S] [--round R]`: a campaign of faults over real processes. Progress goes to
// standard error; the last line, on standard output, is the summary as JSON. The status is 1 when a promise was broken.
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildPrograms } from './build.ts';
import { runCampaign } from './campaign.ts';
import { buildShim } from './shim.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    round: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('Usage: npm run faults -- [--minutes N] [--seed S] [--round R]');
  process.exit(2);
}
const say = (text: string) => console.error(text);

const programs = await buildPrograms(`campaign-${process.pid}`);
const shim = buildShim(programs.folder);
if (!shim) {
  say('There is no gcc here: disk errors and clock jumps are left out.');
  if (process.env.CI) process.exit(1);
}
say(`Seed ${seed}.`);
const round = values.round === undefined ? {} : { round: Number(values.round) };
const summary = await runCampaign({ seed, ms: minutes * 60_000, ...round, programs, shim, say });
console.log(JSON.stringify({ seed, ...summary.toJSON(), shim: shim !== undefined }));
// With a violation the bundles stay: stacks in the logs name their lines.
if (summary.violations === 0) rmSync(programs.folder, { recursive: true, force: true });
else process.exitCode = 1;
