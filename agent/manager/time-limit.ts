/** What a timer holds at the most: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls back once when its time is over, however long that is. It can stand still for a while. */
export class TimeLimit {
  readonly #over: () => void;
  #leftMs: number;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, over: () => void) {
    this.#leftMs = ms;
    this.#over = over;
    this.resume();
  }

  /** Time does not count any more; for good, unless {@link resume} is called. */
  stop(): void {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs -= performance.now() - this.#since;
  }

  resume(): void {
    this.#since = performance.now();
    const next = Math.max(0, Math.min(this.#leftMs, LONGEST_TIMER_MS));
    this.#timer = setTimeout(() => {
      this.stop();
      if (this.#leftMs > 1) this.resume();
      else this.#over();
    }, next);
  }
}
