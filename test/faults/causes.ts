// What may have stopped an attempt: faults that took its worker, or kept its endpoint from the broker for long.
import type { CampaignLine, FaultLine } from './ledger.ts';

/** A manager that is silent for three beats of a second is given up. */
const MANAGER_STOP_MS = 2_000;

export class Causes {
  readonly #faults: FaultLine[];
  readonly #health: Extract<CampaignLine, { what: 'health' }>[];
  readonly #leaseMs: number;

  constructor(lines: readonly CampaignLine[], leaseMs: number) {
    this.#faults = lines.filter(line => line.what === 'fault');
    this.#health = lines.filter(line => line.what === 'health');
    this.#leaseMs = leaseMs;
  }

  /**
   * Why an attempt on an endpoint may have been lost between two moments; `undefined` when nothing explains it.
   * @param pid of the worker that ran it, if it had begun to say so: else it may have been any
   */
  of(endpoint: string, pid: number | undefined, from: number, until: number): string | undefined {
    for (const fault of this.#faults) {
      if (fault.endpoint !== endpoint || fault.until < from || fault.from > until) continue;
      const killed = isKill(fault);
      if (fault.target === 'worker' && killed && (fault.pid === pid || pid === undefined))
        return 'its worker was killed';
      if (fault.target !== 'manager') continue;
      if (killed) return 'its manager was killed';
      if (fault.until - fault.from >= MANAGER_STOP_MS) return 'its manager was stopped';
    }
    // A lease counts from a beat, and a beat comes every third of a lease: half a lease can be the end of one.
    const apart = this.apart(endpoint, from - this.#leaseMs, until);
    return apart >= this.#leaseMs / 2 ? `endpoint and broker were apart for ${Math.round(apart)} ms` : undefined;
  }

  /**
   * Why an attempt may have been given up: as {@link of}, and an agent that dies between journaling a start and handing
   * it over cannot know that it never began.
   */
  ofLoss(endpoint: string, pid: number | undefined, from: number, until: number): string | undefined {
    const killed = this.#faults.some(
      fault =>
        fault.target === 'agent' &&
        fault.endpoint === endpoint &&
        isKill(fault) &&
        latest(fault) >= from &&
        fault.from <= until,
    );
    return killed ? 'its agent was killed' : this.of(endpoint, pid, from, until);
  }

  /** For how many milliseconds within a span something kept endpoint and broker apart. */
  apart(endpoint: string, from: number, until: number): number {
    const spans = this.#faults
      .filter(fault => fault.target === 'broker' || (fault.target === 'agent' && fault.endpoint === endpoint))
      // What only breaks a connection shows in the endpoint's health, for as long as it is not back.
      .filter(({ kind, detail }) => kind !== 'clock' && (kind !== 'net' || detail.startsWith('hole')))
      .map(fault => [fault.from, fault.until] as const);
    for (const [i, { at, broker, online }] of this.#health.entries()) {
      if (i > 0 && !(broker && online.includes(endpoint))) spans.push([this.#health[i - 1]!.at, at]);
    }
    return union(spans.map(([a, b]) => [Math.max(a, from), Math.min(b, until)] as const));
  }
}

const isKill = ({ kind, detail }: FaultLine) => kind === 'kill' || detail.startsWith('kill');

/** When a kill struck at the latest. Of a failpoint's only a span is known; another lasts until its process is back. */
const latest = ({ kind, from, until }: FaultLine) => (kind === 'failpoint' ? until : from);

/** The length of what spans cover together. */
function union(spans: readonly (readonly [number, number])[]): number {
  let covered = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const [from, until] of [...spans].sort((a, b) => a[0] - b[0])) {
    covered += Math.max(0, until - Math.max(from, end));
    end = Math.max(end, until);
  }
  return covered;
}
