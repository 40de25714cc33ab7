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

/** Tasks are sent ahead to a busy worker as long as it is done with them in this many milliseconds. */
const AHEAD_MS = 1;

/**
 * A place for one worker, the task it runs, and the short ones that it was sent ahead: to wake a worker for each task of
 * microseconds would cost more than the task. When the worker ends or retires, a new one takes its place; one that
 * cannot even start is tried again with growing pauses.
 *
 * A worker says how a task ended before it begins the next one. So the first one here without a result is the only one
 * that can have begun: whatever becomes of the worker, the others go back to the queue.
 */
export class Seat {
  readonly #context: SeatContext;
  #process: WorkerProcess | undefined;
  #ready = false;
  #retiring = false;
  #closed = false;
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;
  /** What the worker was sent and has not ended, in order. */
  readonly #jobs: Job[] = [];
  /** Milliseconds that they will take. */
  #expectedMs = 0;
  #result: { report: WorkerResult; payload: Uint8Array } | undefined;
  /** Why the worker is being ended, and for which job. */
  #stopped: { job: Job; why: Stopped } | undefined;
  /** When the time limit of the job is over; by this process's monotonic clock. */
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** A source map is on its way to the worker. */
  #mapping = false;
  readonly #warm = new Set<Digest>();
  /** Tasks that this worker has ended. */
  #done = 0;
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
    return this.#takes && this.#jobs.length === 0;
  }

  get #takes(): boolean {
    return this.#ready && !this.#retiring && !this.#stopped && !this.#closed;
  }

  /** Whether a busy worker takes one more, which it will be done with in so many milliseconds. */
  takesAhead({ run, expectedMs }: Job): boolean {
    return this.#takes && this.#expectedMs + expectedMs <= AHEAD_MS && this.isWarm(run.digest);
  }

  /** The worker has less than half of what it may be sent ahead. */
  get isLow(): boolean {
    return this.#expectedMs <= AHEAD_MS / 2;
  }

  get job(): Job | undefined {
    return this.#jobs[0];
  }

  has(job: Job): boolean {
    return this.#jobs.includes(job);
  }

  isWarm(digest: Digest): boolean {
    return this.#warm.has(digest);
  }

  /** Hands over a job whose bundle is here. Only for a seat that is idle or takes it ahead. */
  run(job: Job): void {
    const { task, attempt, digest, mapDigest, kind, type } = job.run;
    this.#jobs.push(job);
    this.#expectedMs += job.expectedMs;
    this.#warm.add(digest);
    const command = { t: 'run', task, attempt, digest, mapDigest, file: job.file!, kind, type } as const;
    this.#process!.send(command, job.args);
    if (this.#jobs.length === 1) this.#begun(job);
  }

  /** Stops the job that runs by ending its worker. */
  stop(why: Stopped): void {
    const [job] = this.#jobs;
    if (!job || this.#result || this.#stopped) return;
    this.#stopped = { job, why };
    this.#process?.kill();
  }

  /** The worker is at this job now. */
  #begun({ cancelled, run: { timeoutMs } }: Job): void {
    this.#deadline = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
    if (cancelled !== undefined) this.stop({ why: 'cancel', reason: cancelled });
    else this.#limit();
  }

  /** Ends the worker for good, and resolves when it is gone. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    if (!this.#process) return Promise.resolve();
    const gone = new Promise<void>(resolve => {
      this.#gone = resolve;
    });
    if (this.#jobs.length > 0) this.stop({ why: 'shutdown' });
    else this.#process.dismiss();
    return gone;
  }

  /** Stops the job at its deadline, if it has one. A timer holds 24 days at the most. */
  #limit(): void {
    const ms = this.#jobs[0]?.run.timeoutMs;
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
    this.#done = 0;
    this.#process = this.#context.start({
      report: (report, payload) => this.#report(report, payload),
      raw: (stream, bytes) => this.#jobs[0]?.output.text(stream, Date.now(), bytes),
      ended: end => this.#ended(end),
    });
    this.#context.changed();
  }

  #report(report: WorkerReport, payload: Uint8Array): void {
    // The worker is at the next task already.
    if (this.#result && this.#jobs.length > 1 && report.t !== 'retire') this.#finish();
    switch (report.t) {
      case 'ready':
        this.#ready = true;
        this.#failures = 0;
        this.problem = undefined;
        this.#context.changed();
        return;
      case 'output':
        if (report.stream === 'item') this.#jobs[0]?.output.item(report.at, report.type ?? 'application/json', payload);
        else this.#jobs[0]?.output.text(report.stream, report.at, payload);
        return;
      case 'need-map':
        if (report.digest !== this.#jobs[0]?.run.mapDigest)
          throw new Error('It needs a source map that is not its own.');
        void this.#sendMap(report.digest);
        return;
      case 'result':
        if (this.#jobs.length === 0 || this.#result) return;
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
    const result = this.#result;
    if (!result) return;
    this.#result = undefined;
    this.#done += 1;
    const job = this.#take();
    const { loadMs, runMs } = result.report;
    const [next] = this.#jobs;
    if (next) this.#begun(next);
    job.end({ ...trusted(result.report, result.payload), loadMs, runMs }, result.payload);
    if (next) {
      if (this.isLow) this.#context.freed();
    } else if (this.#retiring || this.#closed) {
      this.#process?.dismiss();
    } else {
      this.#context.freed();
    }
  }

  /** The job that the worker is done with. */
  #take(): Job {
    const job = this.#jobs.shift()!;
    this.#expectedMs = this.#jobs.length === 0 ? 0 : this.#expectedMs - job.expectedMs;
    clearTimeout(this.#timer);
    return job;
  }

  #retire(): void {
    this.#retiring = true;
    // With nothing before it there is nothing to retire for: the function itself says so, and would for ever.
    if (this.#done === 0 && this.#jobs.length > 0 && !this.#result) {
      throw new Error('It retires before it has done anything.');
    }
    // What a worker that retires has not said the result of, it had not begun.
    if (!this.#stopped) this.#return(this.#result ? 1 : 0);
    if (this.#jobs.length === 0) this.#process?.dismiss();
  }

  /** Gives back all jobs from this one on: the worker never came to them. */
  #return(from: number): void {
    if (from === 0) clearTimeout(this.#timer);
    const jobs = this.#jobs.splice(from);
    for (const job of jobs) this.#expectedMs -= job.expectedMs;
    for (const job of jobs.reverse()) this.#context.returned(job);
  }

  #ended(end: WorkerEnd): void {
    clearTimeout(this.#timer);
    // Nothing is handed to this worker any more by what follows.
    const wasReady = this.#ready;
    this.#ready = false;
    this.#finish();
    this.#process = undefined;
    const stopped = this.#stopped;
    this.#stopped = undefined;
    if (this.#jobs.length > 0) {
      const job = this.#take();
      // The worker was ended for a task before, whose result came all the same.
      const innocent = stopped && stopped.job !== job;
      const verdict = innocent
        ? { reason: 'Its worker was ended because of another task.', workerDied: false }
        : judge(end, stopped?.why);
      job.end('outcome' in verdict ? { ...verdict, loadMs: 0, runMs: 0 } : verdict);
      if (!this.#closed) this.#return(0);
    }
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
    const [job] = this.#jobs;
    // One at a time, and its own: nobody prolongs a limit by asking often.
    if (this.#mapping || digest !== job?.run.mapDigest) return;
    this.#mapping = true;
    const asked = performance.now();
    clearTimeout(this.#timer);
    const file = await this.#context.mapFile(digest);
    this.#mapping = false;
    if (worker !== this.#process) return;
    worker?.send({ t: 'map', digest, ...(file ? { file } : {}) });
    if (job !== this.#jobs[0] || this.#result) return;
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
