// A campaign: rounds from one seed, until its time is over or a round breaks a promise.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Programs } from './build.ts';
import { planLoad } from './load.ts';
import { Random } from './random.ts';
import { type RoundPlan, type RoundReport, runRound } from './round.ts';
import { type FaultKind, planFaults, type Shape } from './schedule.ts';
import { Summary } from './summary.ts';

const ROUND_MS = 10_000;
/** Longer than the longest pause of an agent between two tries to reach its broker. */
const QUIESCE_MS = 45_000;

export interface CampaignOptions {
  seed: number;
  /** When no further round is begun, in milliseconds from now. */
  ms: number;
  /** Only this round, as a violation names it. */
  round?: number;
  programs: Programs;
  shim: string | undefined;
  say(text: string): void;
}

/**
 * Kinds of rounds. In a storm anything may strike and last past a lease, so that attempts are lost; in a drizzle broker,
 * agents and clients are away for moments only, and nothing excuses a second start.
 */
const weathers = {
  storm: {
    ...{ leaseMs: 4_000, shortMs: [50, 1_000], longMs: [4_000, 8_000] },
    roles: ['broker', 'agent', 'manager', 'worker', 'client'],
  },
  drizzle: { leaseMs: 12_000, shortMs: [20, 500], roles: ['broker', 'agent', 'client'] },
} satisfies Record<string, Pick<Shape, 'shortMs' | 'longMs' | 'roles'> & { leaseMs: number }>;

/** What happens in one round; the same for the same seed and number. */
export function planRound(seed: number, round: number, kinds: readonly FaultKind[]): RoundPlan {
  const random = new Random(seed, round);
  const { leaseMs, ...weather } = weathers[random.pick(['storm', 'drizzle'] as const)];
  const endpoints = random.whole(1, 3);
  const clients = 2;
  const ms = ROUND_MS;
  const load = Array.from({ length: clients }, (_, i) =>
    planLoad(random, `r${round}c${i}`, random.whole(60, 160), endpoints, ms),
  );
  const faults = planFaults(random, { ...weather, endpoints, clients, jumpMs: 2 * leaseMs, ms, kinds });
  return { endpoints, workers: 2, leaseMs, clients: load, faults, ms, quiesceMs: QUIESCE_MS };
}

export async function runCampaign({ seed, ms, round: only, programs, shim, say }: CampaignOptions): Promise<Summary> {
  const kinds: FaultKind[] = ['kill', 'stop', 'failpoint', 'net', ...(shim ? (['disk', 'clock'] as const) : [])];
  const summary = new Summary();
  const base = mkdtempSync(join(tmpdir(), 'runabout-faults-'));
  const until = performance.now() + ms;
  for (let round = only ?? 1; only === undefined ? performance.now() < until : round === only; round++) {
    const report = await runRound(planRound(seed, round, kinds), programs, shim, join(base, `round-${round}`));
    summary.add(round, report);
    if (report.violations.length === 0) {
      rmSync(report.folder, { recursive: true, force: true, maxRetries: 5 });
      say(`Round ${round}: ${report.evidence.tasks.length} tasks, no violation.`);
    } else {
      explain(report, seed, round, say);
    }
  }
  if (summary.violations === 0) rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  return summary;
}

/** Says all that is needed to understand a violation and to see it again. */
function explain(
  { violations, evidence, folder }: RoundReport,
  seed: number,
  round: number,
  say: (text: string) => void,
) {
  say(`Round ${round}: ${violations.length} violations. Logs and ledgers: ${folder}`);
  say(`Again: npm run faults -- --seed ${seed} --round ${round}`);
  for (const { invariant, task, text } of violations.slice(0, 20)) {
    say(`${invariant} ${task ?? ''} ${text}`);
    if (task === undefined) continue;
    const found = evidence.tasks.find(({ record }) => record.id === task);
    for (const { at, state, attempt, reason } of found?.history ?? [])
      say(`    history ${at} ${state} ${attempt} ${reason ?? ''}`);
    const key = evidence.clients.find(line => line.what === 'acknowledged' && line.task === task);
    const lines = [...evidence.functions, ...evidence.clients].filter(
      line => ('task' in line && line.task === task) || ('key' in line && key && 'key' in key && line.key === key.key),
    );
    for (const line of lines.sort((a, b) => a.at - b.at)) say(`    ledger  ${JSON.stringify(line)}`);
  }
  for (const line of evidence.campaign) if (line.what === 'fault') say(`    fault   ${JSON.stringify(line)}`);
}
