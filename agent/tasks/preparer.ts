import { RunaboutError } from '../../protocol/errors/error.ts';
import type { BlobCache } from '../blobs/cache.ts';
import type { BrokerStore } from '../broker/store.ts';
import type { Attempt } from './attempt.ts';

const RETRY_MS = 2_000;

/** Gets the code and the large arguments of attempts to this machine. The code stays pinned until {@link release}. */
export class Preparer {
  readonly #store: BrokerStore;
  readonly #cache: BlobCache;

  constructor(store: BrokerStore, cache: BlobCache) {
    this.#store = store;
    this.#cache = cache;
  }

  /** Prepares an attempt at once if nothing has to be fetched for it. */
  prepareNow(attempt: Attempt): boolean {
    if (attempt.request!.args.blob || !this.#cache.isVerified(attempt.digest)) return false;
    void this.#cache.pin(attempt.digest);
    attempt.prepared = true;
    return true;
  }

  /**
   * Fetches what is missing, for as long as it takes and `isWanted` holds. `false` when it was not wanted any more.
   * @throws RunaboutError when it cannot be had
   */
  async prepare(attempt: Attempt, isWanted: () => boolean): Promise<boolean> {
    while (isWanted()) {
      try {
        attempt.waitText = 'Fetching the code of the function.';
        await this.#store.hold('bundles', attempt.digest);
        attempt.prepared = true;
        const { blob, size } = attempt.request!.args;
        if (blob) {
          attempt.waitText = `Fetching the arguments (${size} bytes).`;
          await this.#store.hold('blobs', blob);
          attempt.args = await this.#cache.read(blob);
          this.#cache.unpin(blob);
        }
        attempt.waitText = 'Waiting for a free worker.';
        if (isWanted()) return true;
        this.release(attempt);
        return false;
      } catch (error) {
        this.release(attempt);
        // What the broker does not have will not come; anything else may pass.
        if (error instanceof RunaboutError && error.code !== 'broker-unreachable') throw error;
        attempt.waitText = `${(error as Error).message} It is tried again.`.slice(0, 512);
        await new Promise(resolve => setTimeout(resolve, RETRY_MS).unref());
      }
    }
    return false;
  }

  release(attempt: Attempt): void {
    if (attempt.prepared) this.#cache.unpin(attempt.digest);
    attempt.prepared = false;
  }
}
