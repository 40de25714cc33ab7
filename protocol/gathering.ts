/** Large groups in a row, after the first, until the pause is at its longest. */
const STEPS = 4;
/** Without a group for so many times the longest pause, the next one is the first again. */
const CALM = 10;

/**
 * How long what comes in waits for more, so that it is written, sent or read together. A lone thing never waits, nor does
 * what follows one large group: that may have been all there is. Behind large groups in a row the pause grows.
 */
export class Gathering {
  readonly #large: number;
  readonly #mostMs: number;
  #inRow = 0;
  #at = 0;

  /**
   * @param large from so many things on a group is large
   * @param mostMs the longest pause between two groups, in milliseconds
   */
  constructor(large: number, mostMs: number) {
    this.#large = large;
    this.#mostMs = mostMs;
  }

  /** A group of so many has left. */
  left(count: number): void {
    const now = performance.now();
    if (now - this.#at > CALM * this.#mostMs) this.#inRow = 0;
    // A small one among many large ones does not end the rush.
    this.#inRow = count >= this.#large ? Math.min(this.#inRow + 1, STEPS + 1) : this.#inRow >> 1;
    this.#at = now;
  }

  /** Milliseconds from now until the next group should leave; 0 or less: at once. */
  get wait(): number {
    const pause = (this.#mostMs * Math.max(0, this.#inRow - 1)) / STEPS;
    return pause > 0 ? this.#at + pause - performance.now() : 0;
  }
}
