import type { ManagerOutput } from '../../protocol/agent-manager/messages.ts';
import { limits } from '../../protocol/limits.ts';

type Chunk = [ManagerOutput, Uint8Array];

/** Output that could not be sent yet: the newest `limits.outputTail` bytes. The gap shows in the numbers. */
export class OutputSpool {
  #chunks: Chunk[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  add(message: ManagerOutput, payload: Uint8Array): void {
    this.#chunks.push([message, payload]);
    this.#bytes += payload.length;
    while (this.#bytes > limits.outputTail && this.#chunks.length > 1) this.#bytes -= this.#chunks.shift()![1].length;
  }

  /** Takes everything out. */
  take(): Chunk[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    return chunks;
  }
}
