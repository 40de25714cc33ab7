import type { ManagerLost, ManagerResult, Run } from '../../protocol/agent-manager/messages.ts';
import { OutputGate } from './output.ts';

/** What a job sends up; the manager keeps `ended` until the agent has it. */
export interface JobReports {
  output(job: Job, chunk: Parameters<ConstructorParameters<typeof OutputGate>[1]>[0], bytes: Uint8Array): void;
  ended(job: Job, end: JobEnd, payload?: Uint8Array): void;
}

export type JobEnd =
  | (Pick<ManagerResult, 'outcome' | 'error' | 'loadMs' | 'runMs'> & {
      type?: 'application/json' | 'application/msgpack';
    })
  | Pick<ManagerLost, 'reason' | 'workerDied'>;

/** One attempt in the hands of the manager, until it has ended. */
export class Job {
  readonly run: Run;
  readonly args: Uint8Array;
  readonly output: OutputGate;
  readonly #reports: JobReports;
  #ended = false;
  /** The bundle's file, as soon as it is here. */
  file: string | undefined;
  /** Milliseconds that it will take, as far as that is known. */
  expectedMs = Number.POSITIVE_INFINITY;
  /** Why it was cancelled, once it was. */
  cancelled: string | undefined;

  constructor(run: Run, args: Uint8Array, outputBytes: number, reports: JobReports) {
    this.run = run;
    this.args = args;
    this.#reports = reports;
    this.output = new OutputGate(outputBytes, (chunk, bytes) => reports.output(this, chunk, bytes));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Reports the end, after all output. Only the first call counts. */
  end(end: JobEnd, payload?: Uint8Array): void {
    if (this.#ended) return;
    this.#ended = true;
    this.output.close(Date.now());
    this.#reports.ended(this, end, payload);
  }
}
