import { asRunaboutError, type RunaboutError } from '../../protocol/errors/error.ts';
import { Emitter } from '../emitter.ts';

export interface Page<T> {
  items: T[];
  next?: string | undefined;
}

export type ListStatus = 'idle' | 'loading' | 'ready' | 'failed';

/**
 * One list of the broker as a view shows it: loaded page by page, then kept up to date by events. What was loaded once
 * stays when a later load fails; {@link problem} says so.
 */
export class LiveList<T extends { id: string }> {
  readonly #compare: (a: T, b: T) => number;
  readonly #isOver: (item: T) => boolean;
  readonly #changed = new Emitter<void>();
  #items = new Map<string, T>();
  #status: ListStatus = 'idle';
  #problem: RunaboutError | undefined;
  #next: string | undefined;
  #generation = 0;
  /** What events changed while a page was on its way: newer than the page. `undefined` means deleted. */
  #touched: Map<string, T | undefined> | undefined;

  readonly onDidChange = this.#changed.event;

  /** @param isOver whether the broker has deleted an item by now, of which it sends no event */
  constructor(compare: (a: T, b: T) => number, isOver: (item: T) => boolean = () => false) {
    this.#compare = compare;
    this.#isOver = isOver;
  }

  get status(): ListStatus {
    return this.#status;
  }

  get problem(): RunaboutError | undefined {
    return this.#problem;
  }

  /** More can be loaded. */
  get hasMore(): boolean {
    return this.#next !== undefined;
  }

  get size(): number {
    return this.#items.size;
  }

  get(id: string): T | undefined {
    return this.#items.get(id);
  }

  /** In the order of the view. */
  all(): T[] {
    for (const [id, item] of this.#items) if (this.#isOver(item)) this.#items.delete(id);
    return [...this.#items.values()].sort(this.#compare);
  }

  /** Loads from the start, or (with `more`) the page after the last. A load that a newer one overtook is dropped. */
  async load(page: (cursor: string | undefined) => Promise<Page<T>>, more = false): Promise<void> {
    const generation = ++this.#generation;
    this.#status = 'loading';
    this.#touched ??= new Map();
    this.#changed.fire();
    try {
      const { items, next } = await page(more ? this.#next : undefined);
      if (generation !== this.#generation) return;
      if (!more) this.#items = new Map();
      for (const item of items) this.#items.set(item.id, item);
      for (const [id, item] of this.#touched) {
        if (item) this.#items.set(id, item);
        else this.#items.delete(id);
      }
      this.#next = next;
      this.#status = 'ready';
      this.#problem = undefined;
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#status = 'failed';
      this.#problem = asRunaboutError(error, 'broker-internal', 'The list could not be loaded');
    }
    this.#touched = undefined;
    this.#changed.fire();
  }

  put(item: T): void {
    this.#items.set(item.id, item);
    this.#touched?.set(item.id, item);
    this.#changed.fire();
  }

  remove(id: string): void {
    this.#touched?.set(id, undefined);
    if (this.#items.delete(id)) this.#changed.fire();
  }

  /** Forgets everything: another broker, or none. */
  clear(): void {
    this.#generation += 1;
    this.#items = new Map();
    this.#status = 'idle';
    this.#problem = undefined;
    this.#next = undefined;
    this.#touched = undefined;
    this.#changed.fire();
  }
}
