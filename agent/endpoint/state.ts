import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { WorkerCounts } from '../../protocol/client-broker/endpoints.ts';

/** How an agent is, as it writes it into its folder. */
export const AgentState = z.object({
  pid: z.number().int(),
  /**
   * - `connecting`: it has no connection yet, or none at the moment, and keeps trying
   * - `connected`: it serves tasks
   * - `stopping`: it finishes what runs
   * - `stopped`: it has ended in order
   * - `refused`: the broker does not want it, and it has ended
   * - `failed`: it could not work, and has ended
   */
  state: z.enum(['connecting', 'connected', 'stopping', 'stopped', 'refused', 'failed']),
  /** Milliseconds since 1970. */
  since: z.number().int(),
  /** What is wrong, as a sentence. */
  problem: z.string().optional(),
  workers: WorkerCounts.optional(),
  /** Results that the broker does not have yet. */
  undelivered: z.number().int().optional(),
});
export type AgentState = z.infer<typeof AgentState>;

export function readState(file: string): AgentState | undefined {
  try {
    return AgentState.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Replaces the file as a whole: a reader never sees half of it. */
export function writeState(file: string, state: AgentState): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
