import type { RoundReport } from './round.ts';

/** Violations of one round that are named. */
const MOST = 5;

/** The figures of a campaign. */
export class Summary {
  readonly #startedAt = performance.now();
  rounds = 0;
  /** Of each broken round its number and first violations. */
  readonly broken: { round: number; violations: string[] }[] = [];
  tasks = 0;
  attempts = 0;
  /** Starts of functions, by their own ledger. */
  starts = 0;
  violations = 0;
  /** The longest time in which the broker did not answer, or an endpoint was not online, in milliseconds. */
  brokerAwayMs = 0;
  endpointAwayMs = 0;
  readonly states: Record<string, number> = {};
  readonly faults: Record<string, number> = {};
  readonly failpoints: Record<string, number> = {};

  add(round: number, { evidence, violations }: RoundReport): void {
    const { tasks, functions, campaign } = evidence;
    this.rounds += 1;
    this.tasks += tasks.length;
    this.violations += violations.length;
    if (violations.length > 0)
      this.broken.push({
        round,
        violations: violations.slice(0, MOST).map(({ invariant, task = '', text }) => `${invariant} ${task} ${text}`),
      });
    for (const { record } of tasks) {
      this.attempts += record.attempt;
      count(this.states, record.state);
    }
    this.starts += functions.filter(({ what }) => what === 'start').length;
    for (const line of campaign) {
      if (line.what !== 'fault') continue;
      if (line.kind === 'failpoint') count(this.failpoints, line.detail);
      count(
        this.faults,
        line.kind === 'failpoint'
          ? 'failpoint'
          : `${line.kind} ${line.target}${line.kind === 'kill' || line.kind === 'stop' ? '' : ` ${line.detail}`}`,
      );
    }
    this.#availability(evidence);
  }

  toJSON(): object {
    const {
      rounds,
      broken,
      tasks,
      attempts,
      starts,
      violations,
      states,
      faults,
      failpoints,
      brokerAwayMs,
      endpointAwayMs,
    } = this;
    const minutes = Number(((performance.now() - this.#startedAt) / 60_000).toFixed(2));
    return {
      ...{ minutes, rounds, tasks, states, attempts, starts, faults, failpoints, violations, broken },
      longestUnavailability: { brokerMs: brokerAwayMs, endpointMs: endpointAwayMs },
    };
  }

  #availability({ campaign }: RoundReport['evidence']): void {
    const health = campaign.filter(line => line.what === 'health');
    const names = new Set(health.flatMap(({ online }) => online));
    this.brokerAwayMs = Math.max(
      this.brokerAwayMs,
      longest(health, line => line.broker),
    );
    for (const name of names)
      this.endpointAwayMs = Math.max(
        this.endpointAwayMs,
        longest(health, line => line.online.includes(name)),
      );
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function longest<T extends { at: number }>(samples: readonly T[], isWell: (sample: T) => boolean): number {
  let last = samples[0]?.at ?? 0;
  let most = 0;
  for (const sample of samples) {
    if (!isWell(sample)) most = Math.max(most, sample.at - last);
    else last = sample.at;
  }
  return most;
}
