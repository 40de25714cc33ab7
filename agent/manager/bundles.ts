import type { Part } from '../../protocol/agent-manager/messages.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import type { Digest } from '../../protocol/ids.ts';
import { BlobCache } from '../blobs/cache.ts';
import { PartReader } from '../blobs/parts.ts';

interface Waiting {
  resolve(file: string): void;
  reject(error: RunaboutError): void;
}

/** The bundles and source maps on this host. What is not here is asked of the agent, once for all who wait for it. */
export class Bundles {
  readonly #cache: BlobCache;
  readonly #need: (digest: Digest) => void;
  readonly #waiting = new Map<Digest, Waiting[]>();
  #parts = new PartReader();

  constructor(folder: string, maxBytes: number, need: (digest: Digest) => void) {
    this.#cache = new BlobCache(folder, maxBytes, '.mjs');
    this.#need = need;
  }

  /**
   * The file of a bundle; it stays until {@link release}.
   * @throws RunaboutError `bundle-unknown` when the agent cannot get it either
   */
  async hold(digest: Digest): Promise<string> {
    if (await this.#cache.pin(digest)) return this.#cache.file(digest);
    return await new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(digest);
      if (waiting) {
        waiting.push({ resolve, reject });
      } else {
        this.#waiting.set(digest, [{ resolve, reject }]);
        this.#need(digest);
      }
    });
  }

  release(digest: Digest): void {
    this.#cache.unpin(digest);
  }

  /** A new connection: what was on its way is asked for again. */
  reconnected(): void {
    this.#parts = new PartReader();
    for (const digest of this.#waiting.keys()) this.#need(digest);
  }

  async part(part: Part, payload: Uint8Array): Promise<void> {
    const bytes = this.#parts.push(part, payload);
    if (!bytes) return;
    try {
      await this.#cache.put(part.digest, bytes);
    } catch (error) {
      this.missing(part.digest, `It could not be stored: ${(error as Error).message}`);
      return;
    }
    const waiting = this.#waiting.get(part.digest) ?? [];
    this.#waiting.delete(part.digest);
    for (const { resolve } of waiting) {
      await this.#cache.pin(part.digest);
      resolve(this.#cache.file(part.digest));
    }
  }

  missing(digest: Digest, reason: string): void {
    const waiting = this.#waiting.get(digest) ?? [];
    this.#waiting.delete(digest);
    for (const { reject } of waiting) reject(new RunaboutError('bundle-unknown', reason));
  }
}
