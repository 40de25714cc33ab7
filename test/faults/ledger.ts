/**
 * The external ledger: what clients, the functions themselves and the campaign saw and did, each in append-only files of
 * JSON lines. The checker knows nothing else of a round but this and what the public API says.
 *
 * All times are in milliseconds by the machine's clock, which no fault touches.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import type { FaultKind, Target } from './schedule.ts';

/** A function run: it began (`start`), and came to its end (`finish`). `run` names one execution for good. */
export type FunctionLine =
  | {
      what: 'start';
      run: string;
      task: string;
      attempt: number;
      endpoint: string;
      key: string;
      pid: number;
      at: number;
    }
  /** `digest`: sha256 of the value's bytes; absent for one that threw `run ID`. */
  | { what: 'finish'; run: string; task: string; at: number; digest?: string };

/** What a client did and was told. */
export type ClientLine =
  /** About to submit; `keyed` says whether by an idempotency key. */
  | { what: 'intent'; key: string; keyed: boolean; deadline?: number; at: number }
  /** The broker acknowledged it. Every further acknowledgement of the same key is a line too. */
  | { what: 'acknowledged'; key: string; task: string; at: number }
  /** A submission without a key whose outcome is not known; it is not repeated. */
  | { what: 'unknown'; key: string; at: number }
  /** The same key with other content: `code` of the refusal, or `taken`. */
  | { what: 'conflict'; key: string; code: string; at: number }
  | { what: 'cancel'; key: string; task: string; at: number }
  /** An event said that the task has ended. */
  | { what: 'ended'; task: string; state: string; attempt: number; at: number }
  /** A call was refused for a reason that no fault explains. */
  | { what: 'refused'; key: string; error: string; at: number }
  | { what: 'done'; at: number };

/** `target`: the role of the process, or whose line to the broker. `pid`: of a process that was killed or stopped. */
export interface FaultLine {
  what: 'fault';
  kind: FaultKind;
  target: Target['role'];
  endpoint?: string;
  pid?: number;
  from: number;
  until: number;
  /** For people. */
  detail: string;
}

/** What the campaign did to the system, or saw of it. `endpoint` absent: it concerns all. */
export type CampaignLine =
  | FaultLine
  /** An observation, several times a second: does the broker answer, and which endpoints does it call online? */
  | { what: 'health'; broker: boolean; online: string[]; at: number }
  /** A process ended by itself, not by a signal. */
  | { what: 'exit'; target: string; code: number; at: number }
  /** A process that had to be helped by hand, or could not be started. */
  | { what: 'stuck'; target: string; text: string; at: number };

export function append(file: string, line: object): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

/** All lines of a ledger. The last one may be cut off, when its writer was killed. */
export function read<T>(file: string): T[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap(line => {
    try {
      return line === '' ? [] : [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}
