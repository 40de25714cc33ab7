import { type Clock, systemClock } from '../../broker/clock.ts';

/** The broker's clock, which a test puts forward. Timers go by the real one. */
export class MovableClock implements Clock {
  #ahead = 0;
  readonly after = systemClock.after;

  now(): number {
    return Date.now() + this.#ahead;
  }

  pass(ms: number): void {
    this.#ahead += ms;
  }
}
