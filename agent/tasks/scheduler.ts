import type { Digest, Id } from '../../protocol/ids.ts';
import type { ManagerLink } from '../managers/manager-link.ts';
import { Pace } from '../pace.ts';
import type { Attempt } from './attempt.ts';
import { choose, wanted } from './placement.ts';

/** Which manager runs what next, and how much the agent wants from the broker. */
export class Scheduler {
  readonly #links = new Map<Id, ManagerLink>();
  readonly #pace = new Pace();
  /** Prepared, not started, in order of arrival. */
  #ready: Attempt[] = [];
  /** Credit that the broker has not used yet. */
  #granted = 0;

  attach(link: ManagerLink): void {
    this.#links.set(link.id, link);
  }

  detach(link: ManagerLink): void {
    if (this.#links.get(link.id) === link) this.#links.delete(link.id);
  }

  get slots(): number {
    let slots = 0;
    for (const link of this.#links.values()) slots += link.slots;
    return slots;
  }

  /** Workers that run something. */
  get busy(): number {
    let busy = 0;
    for (const link of this.#links.values()) busy += Math.min(link.held, link.slots);
    return busy;
  }

  get starting(): number {
    let starting = 0;
    for (const link of this.#links.values()) starting += link.starting;
    return starting;
  }

  /** Why a manager cannot start workers, if one says so. */
  get problem(): string | undefined {
    for (const link of this.#links.values()) if (link.problem) return link.problem;
    return undefined;
  }

  /** Nothing waits before a new attempt. */
  get isClear(): boolean {
    return this.#ready.length === 0;
  }

  /** Assigns an attempt to a manager that takes it now, if there is one. */
  assign(attempt: Attempt): ManagerLink | undefined {
    const expectedMs = this.#pace.expect(attempt.digest);
    const link = choose(this.#links.values(), attempt.digest, expectedMs);
    if (!link) return undefined;
    attempt.expectedMs = expectedMs;
    attempt.manager = link;
    link.hold(attempt);
    return link;
  }

  wait(attempt: Attempt): void {
    this.#ready.push(attempt);
  }

  /** An attempt that was assigned already goes before all others. */
  waitFirst(attempt: Attempt): void {
    this.#ready.unshift(attempt);
  }

  /**
   * Offers what waits to `start`, in order, until it does not take one: a free worker takes anything, so the others
   * would not find one either.
   */
  offer(start: (attempt: Attempt) => boolean): void {
    let done = 0;
    for (const attempt of this.#ready) {
      // Others were cancelled or dropped meanwhile.
      if (attempt.stage === 'waiting' && attempt.prepared && !start(attempt)) break;
      done += 1;
    }
    if (done > 0) this.#ready.splice(0, done);
  }

  observe(digest: Digest, ms: number): void {
    this.#pace.observe(digest, ms);
  }

  /** A new session of the broker knows of no credit. */
  resetCredit(): void {
    this.#granted = 0;
  }

  spendCredit(): void {
    this.#granted = Math.max(0, this.#granted - 1);
  }

  /**
   * How much credit to give now; it counts as given.
   * @param open attempts in the agent that have not ended
   */
  takeCredit(open: number): number {
    const target = wanted(this.slots, this.#pace.overall);
    const add = target - open - this.#granted;
    // In portions: one message per task would cost as much as the task.
    if (add < 1 || (add < target / 8 && this.#granted > 0)) return 0;
    this.#granted += add;
    return add;
  }
}
