import type { Task } from '../../protocol/broker-agent/messages.ts';
import type { Digest, Id } from '../../protocol/ids.ts';
import type { Ending } from '../journal/log.ts';
import type { ManagerLink } from '../managers/manager-link.ts';
import { OutputSpool } from './spool.ts';

/**
 * Where an attempt stands:
 * - `waiting`: accepted, not started (its code is fetched, or no worker is free)
 * - `started`: its manager has it, or gets it as soon as the journal has noted that
 * - `ended`: the ending is in the journal and waits for the broker's answer
 */
export type Stage = 'waiting' | 'started' | 'ended';

/** One attempt of a task in this agent, from the broker's message to the broker's confirmation. */
export class Attempt {
  readonly task: Id;
  /** The broker's number; it grows when a later attempt of a task that still runs here is adopted. */
  attempt: number;
  readonly digest: Digest;
  /** The broker's message; absent after an agent restart, when the attempt can only be finished, not started. */
  readonly request: Task | undefined;
  args: Uint8Array;
  readonly receivedAt = performance.now();
  stage: Stage = 'waiting';
  /** It is in the journal, so the broker may be told that it is here. */
  journaled = false;
  /** Code and arguments are here. */
  prepared = false;
  /** Why it waits, for people. */
  waitText = '';
  toldWaitText = '';
  manager: ManagerLink | undefined;
  /** The number it was handed to the manager under; 0 before. */
  ranAs = 0;
  /** When it was handed to its manager, by `performance.now()`; 0 before. */
  startedAt = 0;
  expectedMs = Number.POSITIVE_INFINITY;
  cancelled: string | undefined;
  /** The broker does not want it any more: its ending is told to nobody. */
  dropped = false;
  ending: Ending | undefined;
  readonly spool = new OutputSpool();

  constructor(task: Id, attempt: number, digest: Digest, request?: Task, args: Uint8Array = new Uint8Array(0)) {
    this.task = task;
    this.attempt = attempt;
    this.digest = digest;
    this.request = request;
    this.args = args;
  }
  /** It was handed to a manager, or an agent before this one may have done that. */
  get mayHaveBegun(): boolean {
    return this.stage === 'started' && (this.ranAs > 0 || this.request === undefined);
  }
}
