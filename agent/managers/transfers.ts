import type { Part } from '../../protocol/agent-manager/messages.ts';
import type { Digest } from '../../protocol/ids.ts';
import type { BlobCache } from '../blobs/cache.ts';
import { PartReader, partsOf } from '../blobs/parts.ts';
import type { BrokerStore } from '../broker/store.ts';
import type { ManagerLink } from './manager-link.ts';

/** Blobs on their way between this agent and one manager. */
export class Transfers {
  readonly #link: ManagerLink;
  readonly #store: BrokerStore;
  readonly #cache: BlobCache;
  readonly #parts = new PartReader();
  readonly #sending = new Set<Digest>();
  readonly #stored = new Map<Digest, Promise<void>>();

  constructor(link: ManagerLink, store: BrokerStore, cache: BlobCache) {
    this.#link = link;
    this.#store = store;
    this.#cache = cache;
  }

  /** Sends a bundle or a source map, fetched from the broker if need be. */
  async send(digest: Digest): Promise<void> {
    // Asked for again while it is on its way, it comes once.
    if (this.#sending.has(digest)) return;
    this.#sending.add(digest);
    try {
      await this.#store.hold('bundles', digest);
      try {
        const bytes = await this.#cache.read(digest);
        for (const [part, piece] of partsOf(digest, bytes)) this.#link.send(part, piece);
      } finally {
        this.#cache.unpin(digest);
      }
    } catch (error) {
      this.#link.send({ t: 'missing', digest, reason: (error as Error).message.slice(0, 1024) });
    } finally {
      this.#sending.delete(digest);
    }
  }

  /**
   * Takes a part of a large result; the last one begins to store it.
   * @throws RunaboutError when it does not fit the parts before
   */
  take(part: Part, payload: Uint8Array): void {
    // A part is a view of a frame that holds other messages too.
    const bytes = this.#parts.push(part, new Uint8Array(payload));
    if (!bytes) return;
    const stored = this.#cache.put(part.digest, bytes);
    // Whoever asks for it hears of a failure.
    stored.catch(() => {});
    this.#stored.set(part.digest, stored);
  }

  /**
   * Waits until a blob whose parts were taken is stored, and pins it.
   * @throws Error when it could not be stored
   */
  async hold(digest: Digest): Promise<void> {
    const stored = this.#stored.get(digest);
    this.#stored.delete(digest);
    await stored;
    if (!(await this.#cache.pin(digest))) throw new Error('its parts did not come');
  }
}
