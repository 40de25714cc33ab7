import type { Id } from '../../protocol/ids.ts';

/** What a block runs: one manager, which finds its agent by the rendezvous file. */
export interface BlockSpec {
  manager: Id;
  /** File with the address and token of the agent (mode 0600). */
  rendezvous: string;
  workers: number;
  /** The manager's own folder. */
  folder: string;
  logLevel: string;
}

/**
 * - `pending`: asked for, waits for resources; `reason` says for which
 * - `running`: the manager's process lives
 * - `ended`: it does not, or nothing is known of such a block
 */
export interface BlockStatus {
  state: 'pending' | 'running' | 'ended';
  reason?: string;
}

/**
 * What starts blocks: here a local process, later a batch system or a cluster. A block is known by an opaque handle,
 * which the agent stores: it has to mean the same after an agent restart.
 */
export interface Provider {
  /** Starts a block and returns its handle, without waiting for resources. */
  submit(spec: BlockSpec): Promise<string>;
  status(handle: string): Promise<BlockStatus>;
  /**
   * Ends a block at once, its workers included; nothing happens if it has ended.
   * @param groups the process groups of its workers, as the manager told them last
   */
  cancel(handle: string, groups: readonly number[]): Promise<void>;
}
