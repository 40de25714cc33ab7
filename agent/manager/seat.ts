import { errorKinds, isErrorCode } from '../../protocol/errors/registry.ts';
import type { Digest } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { WorkerReport, WorkerResult } from '../../protocol/manager-worker/messages.ts';
import type { Job, JobEnd } from './job.ts';
import { judge, type Stopped, type WorkerEnd } from './verdict.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface SeatContext {
  /** Starts a worker process with these handlers. */
  start(handlers: ConstructorParameters<typeof WorkerProcess>[3]): WorkerProcess;
  /** A source map's file; `undefined` when it cannot be had. */
  mapFile(digest: Digest): Promise<string | undefined>;
  /** The worker is free again. */
  freed(): void;
  /** The counts of workers are others, or one is ready. */
  changed(): void;
  /** The job was handed over but certainly not begun: it goes back to the head of the queue. */
  returned(job: Job): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A place for one worker, and the task it runs. When the worker ends or retires, a new one takes its place; one that
 * cannot even start is tried again with growing pauses.
 */
export class Seat {
  readonly #context: SeatContext;
  #process: WorkerProcess | undefined;
  #ready = false;
  #retiring = false;
  #closed = false;
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;
  #job: Job | undefined;
  #result: { report: WorkerResult; payload: Uint8Array } | undefined;
  #stopped: Stopped | undefined;
  /** When the time limit of the job is over; by this process's monotonic clock. */
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** A source map is on its way to the worker. */
  #mapping = false;
  readonly #warm = new Set<Digest>();
  #gone: (() => void) | undefined;
  /** Why the last worker could not be started. */
  problem: string | undefined;

  constructor(context: SeatContext) {
    this.#context = context;
    this.#start();
  }

  get group(): number | undefined {
    return this.#process?.group;
  }

  get starting(): boolean {
    return !this.#ready && !this.#closed;
  }

  get idle(): boolean {
    return this.#ready && !this.#job && !this.#retiring && !this.#stopped && !this.#closed;
  }

  get job(): Job | undefined {
    return this.#job;
  }

  isWarm(digest: Digest): boolean {
    return this.#warm.has(digest);
  }

  /** Hands over a job whose bundle is here. Only for an idle seat. */
  run(job: Job): void {
    const { task, attempt, digest, mapDigest, kind, type, timeoutMs } = job.run;
    this.#job = job;
    this.#stopped = undefined;
    this.#warm.add(digest);
    const command = { t: 'run', task, attempt, digest, mapDigest, file: job.file!, kind, type } as const;
    this.#process!.send(command, job.args);
    this.#deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    this.#limit();
  }

  /** Stops the job by ending its worker. */
  stop(stopped: Stopped): void {
    if (!this.#job || this.#result || this.#stopped) return;
    this.#stopped = stopped;
    this.#process?.kill();
  }

  /** Ends the worker for good, and resolves when it is gone. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    if (!this.#process) return Promise.resolve();
    const gone = new Promise<void>(resolve => {
      this.#gone = resolve;
    });
    if (this.#job) this.stop({ why: 'shutdown' });
    else this.#process.dismiss();
    return gone;
  }

  /** Stops the job at its deadline, if it has one. A timer holds 24 days at the most. */
  #limit(): void {
    const ms = this.#job?.run.timeoutMs;
    if (ms === undefined) return;
    const left = Math.max(0, this.#deadline - performance.now());
    const isLast = left <= LONGEST_TIMER_MS;
    this.#timer = setTimeout(
      () => (isLast ? this.stop({ why: 'timeout', ms }) : this.#limit()),
      isLast ? left : LONGEST_TIMER_MS,
    );
  }

  #start(): void {
    this.#ready = false;
    this.#retiring = false;
    this.#warm.clear();
    this.#process = this.#context.start({
      report: (report, payload) => this.#report(report, payload),
      raw: (stream, bytes) => this.#job?.output.text(stream, Date.now(), bytes),
      ended: end => this.#ended(end),
    });
    this.#context.changed();
  }

  #report(report: WorkerReport, payload: Uint8Array): void {
    switch (report.t) {
      case 'ready':
        this.#ready = true;
        this.#failures = 0;
        this.problem = undefined;
        this.#context.changed();
        return;
      case 'output':
        if (report.stream === 'item') this.#job?.output.item(report.at, report.type ?? 'application/json', payload);
        else this.#job?.output.text(report.stream, report.at, payload);
        return;
      case 'need-map':
        if (report.digest !== this.#job?.run.mapDigest) throw new Error('It needs a source map that is not its own.');
        void this.#sendMap(report.digest);
        return;
      case 'result':
        if (!this.#job || this.#result) return;
        this.#result = { report, payload };
        clearTimeout(this.#timer);
        // What child processes printed before the result is in the pipes already: it is read in this turn of the loop.
        setImmediate(() => this.#finish());
        return;
      case 'retire':
        this.#retire();
        return;
      case 'exiting':
        return;
    }
  }

  #finish(): void {
    const job = this.#job;
    const result = this.#result;
    if (!job || !result) return;
    this.#job = undefined;
    this.#result = undefined;
    const { loadMs, runMs } = result.report;
    job.end({ ...trusted(result.report, result.payload), loadMs, runMs }, result.payload);
    if (this.#retiring || this.#closed) this.#process?.dismiss();
    else this.#context.freed();
  }

  #retire(): void {
    this.#retiring = true;
    // A worker that retires without a result had not begun what was on its way to it.
    if (this.#job && !this.#result && !this.#stopped) {
      const job = this.#job;
      this.#job = undefined;
      clearTimeout(this.#timer);
      this.#context.returned(job);
    }
    if (!this.#job) this.#process?.dismiss();
  }

  #ended(end: WorkerEnd): void {
    clearTimeout(this.#timer);
    if (this.#result) this.#finish();
    const job = this.#job;
    this.#job = undefined;
    this.#process = undefined;
    const wasReady = this.#ready;
    this.#ready = false;
    if (job) {
      const verdict = judge(end, this.#stopped);
      job.end('outcome' in verdict ? { ...verdict, loadMs: 0, runMs: 0 } : verdict);
    }
    this.#stopped = undefined;
    if (this.#closed) {
      this.#gone?.();
      return;
    }
    if (wasReady) {
      this.#start();
      return;
    }
    this.problem = `A worker could not be started: ${end.problem ?? (end.lastWords.trim().split('\n').at(-1) || `it ended with ${end.signal ?? end.code}`)}`;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    this.#pause = setTimeout(() => this.#start(), pause);
    this.#context.changed();
  }

  /** The time until the map is here is not the function's: it has thrown already. */
  async #sendMap(digest: Digest): Promise<void> {
    const worker = this.#process;
    const job = this.#job;
    // One at a time, and its own: nobody prolongs a limit by asking often.
    if (this.#mapping || digest !== job?.run.mapDigest) return;
    this.#mapping = true;
    const asked = performance.now();
    clearTimeout(this.#timer);
    const file = await this.#context.mapFile(digest);
    this.#mapping = false;
    if (worker !== this.#process) return;
    worker?.send({ t: 'map', digest, ...(file ? { file } : {}) });
    if (job !== this.#job || this.#result) return;
    this.#deadline += performance.now() - asked;
    clearTimeout(this.#timer);
    this.#limit();
  }
}

/**
 * What a worker says of how its attempt ended, as far as it can be so. The user's code can write to the same pipe, and
 * what the broker would not take must not get that far: it would be sent for ever.
 */
function trusted(
  { outcome, type, error }: WorkerResult,
  { length }: Uint8Array,
): Omit<Extract<JobEnd, { outcome: unknown }>, 'loadMs' | 'runMs'> {
  if (outcome === 'succeeded' && type && length <= limits.result) return { outcome, type };
  if (outcome === 'failed' && error && length === 0) {
    const isOurs = isErrorCode(error.code) && ['endpoint', 'broker'].includes(errorKinds[error.code].whose);
    return { outcome, error: isOurs ? { ...error, code: 'function-threw' } : error };
  }
  const code = length > limits.result ? 'result-too-large' : 'result-not-sendable';
  return { outcome: 'failed', error: { code, message: 'The worker sent a result that is none.' } };
}
