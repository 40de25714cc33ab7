import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import * as z from 'zod';
import { Id, newId } from '../../protocol/ids.ts';
import type { BlockSpec, Provider } from '../providers/provider.ts';
import { removeTree } from '../remove-tree.ts';
import { BEAT_MS, MISSED_BEATS } from './manager-link.ts';

interface Block {
  manager: Id;
  handle: string;
  attached: boolean;
  groups: readonly number[];
  /** Runs while a manager is expected to connect. */
  waiting: NodeJS.Timeout | undefined;
}

export interface BlocksOptions {
  provider: Provider;
  /** How many there are to be. */
  count: number;
  /** Where the handles are stored over an agent restart. */
  file: string;
  /** Where every manager gets a folder of its own. */
  folder: string;
  spec: Pick<BlockSpec, 'rendezvous' | 'workers' | 'logLevel'>;
  log: Logger;
  /** This manager and all it held are gone. */
  dead(manager: Id): void;
  /** Every manager of an earlier agent has come back or is gone. */
  allFound(): void;
  /** Why there is no manager, or `undefined` when that is over. */
  problem(text: string | undefined): void;
}

const StoredBlocks = z.array(z.object({ manager: Id, handle: z.string() }));

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** How often the provider is asked about a manager that is not connected, in milliseconds. */
const LOOK_MS = 100;
/** How long a new manager may take until it connects. */
const START_MS = 20_000;
/** How long one that runs may take to come back, before it is ended. */
const RETURN_MS = BEAT_MS * MISSED_BEATS;

/** Keeps the managers of this endpoint alive: finds those of an earlier agent again, and replaces the dead. */
export class Blocks {
  readonly #options: BlocksOptions;
  readonly #blocks = new Map<Id, Block>();
  /** Those of an earlier agent that are still awaited. */
  readonly #earlier = new Set<Id>();
  #failures = 0;
  #filling = false;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: BlocksOptions) {
    this.#options = options;
  }

  /** Takes up the blocks of an earlier agent that live, and starts those that are missing. */
  async start(): Promise<void> {
    const { provider, log } = this.#options;
    // All are known before anything is waited for: they may connect at any time.
    for (const { manager, handle } of this.#stored()) {
      this.#blocks.set(manager, { manager, handle, attached: false, groups: [], waiting: undefined });
      this.#earlier.add(manager);
    }
    for (const block of [...this.#blocks.values()]) {
      const { state } = await provider.status(block.handle);
      // It has connected meanwhile, and may have died since.
      if (block.attached || !this.#blocks.has(block.manager)) continue;
      if (state === 'ended') {
        this.#blocks.delete(block.manager);
        this.#earlier.delete(block.manager);
        await this.#bury(block);
        continue;
      }
      log.info({ manager: block.manager }, 'A manager of the agent before is still there.');
      this.#await(block, RETURN_MS);
    }
    await this.#sweep();
    this.#store();
    this.#found();
    await this.#fill();
  }

  /** `false`: there is no such block any more. */
  attached(manager: Id): boolean {
    const block = this.#blocks.get(manager);
    if (!block) return false;
    clearInterval(block.waiting);
    block.attached = true;
    this.#failures = 0;
    this.#options.problem(undefined);
    // The attempts it holds are told first.
    setImmediate(() => this.#found(manager));
    return true;
  }

  detached(manager: Id): void {
    const block = this.#blocks.get(manager);
    if (!block) return;
    block.attached = false;
    if (!this.#stopping) this.#await(block, RETURN_MS);
  }

  /** @param groups the process groups of its workers */
  tellGroups(manager: Id, groups: readonly number[]): void {
    const block = this.#blocks.get(manager);
    if (block) block.groups = groups;
  }

  /** Starts nothing any more. The managers are told to stop by their connections; see {@link end}. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    for (const block of this.#blocks.values()) clearInterval(block.waiting);
  }

  /** Waits until all managers have ended, at most so long, and then ends them. */
  async end(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (const block of this.#blocks.values()) {
      while (performance.now() < deadline) {
        if ((await this.#options.provider.status(block.handle)).state === 'ended') break;
        await new Promise(resolve => setTimeout(resolve, LOOK_MS / 2));
      }
      await this.#bury(block);
    }
    this.#blocks.clear();
    this.#store();
  }

  /** Starts what is missing; what cannot be started is tried again later. */
  async #fill(): Promise<void> {
    if (this.#filling) return;
    this.#filling = true;
    while (!this.#stopping && this.#blocks.size < this.#options.count) {
      if (await this.#submit()) continue;
      this.#again();
      break;
    }
    this.#filling = false;
  }

  /** `false` when it could not be started. */
  async #submit(): Promise<boolean> {
    const { provider, spec, folder, log } = this.#options;
    const manager = newId();
    try {
      const handle = await provider.submit({ ...spec, manager, folder: join(folder, manager) });
      const block: Block = { manager, handle, attached: false, groups: [], waiting: undefined };
      this.#blocks.set(manager, block);
      this.#store();
      log.info({ manager, handle }, 'A manager was started.');
      this.#await(block, START_MS);
      return true;
    } catch (error) {
      this.#options.problem(`No manager can be started: ${(error as Error).message}`);
      return false;
    }
  }

  /** Looks after a manager that is not connected until it is, or is dead. */
  #await(block: Block, withinMs: number): void {
    clearInterval(block.waiting);
    const deadline = performance.now() + withinMs;
    const look = async () => {
      const { state } = await this.#options.provider.status(block.handle);
      if (block.attached || !this.#blocks.has(block.manager)) return;
      if (state === 'ended') await this.#died(block, 'A manager has died.');
      else if (state === 'running' && performance.now() > deadline)
        await this.#died(block, 'A manager does not connect.');
    };
    block.waiting = setInterval(() => void look(), LOOK_MS);
    void look();
  }

  async #died(block: Block, why: string): Promise<void> {
    clearInterval(block.waiting);
    if (!this.#blocks.delete(block.manager)) return;
    const { log, dead, problem } = this.#options;
    log.warn({ manager: block.manager, handle: block.handle }, why);
    if (![...this.#blocks.values()].some(({ attached }) => attached)) problem(`${why} A new one is being started.`);
    await this.#bury(block);
    this.#store();
    dead(block.manager);
    this.#found(block.manager);
    if (!this.#stopping) this.#again();
  }

  /** A manager of an earlier agent came back, or will not. */
  #found(manager?: Id): void {
    if (manager !== undefined && !this.#earlier.delete(manager)) return;
    if (this.#earlier.size === 0) this.#options.allFound();
  }

  #again(): void {
    // What is due soon starts all that are missing.
    if (this.#restart) return;
    const pause = this.#failures === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      void this.#fill();
    }, pause);
  }

  async #bury({ manager, handle, groups }: Block): Promise<void> {
    await this.#options.provider.cancel(handle, groups);
    await this.#remove(manager);
  }

  /** Removes what managers left behind that are not known any more. */
  async #sweep(): Promise<void> {
    const { folder } = this.#options;
    for (const name of await readdir(folder).catch(() => [])) {
      if (!this.#blocks.has(name)) await this.#remove(name);
    }
  }

  /** Removes the folder of a manager. What stays is tried again when the agent starts the next time. */
  async #remove(name: string): Promise<void> {
    const path = join(this.#options.folder, name);
    const error = await removeTree(path);
    if (error) this.#options.log.warn({ path, error: error.message }, 'What a manager left could not be removed.');
  }

  #stored(): z.infer<typeof StoredBlocks> {
    try {
      return StoredBlocks.parse(JSON.parse(readFileSync(this.#options.file, 'utf8')));
    } catch {
      return [];
    }
  }

  /** Never throws: on a full disk the managers go on, and the file is written with the next change. */
  #store(): void {
    const { file, log } = this.#options;
    const stored = [...this.#blocks.values()].map(({ manager, handle }) => ({ manager, handle }));
    try {
      if (stored.length === 0) {
        rmSync(file, { force: true });
        return;
      }
      writeFileSync(`${file}.new`, `${JSON.stringify(stored)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'Which managers there are could not be stored.');
    }
  }
}
