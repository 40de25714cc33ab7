import type { Digest } from '../../protocol/ids.ts';
import type { Job, JobEnd } from './job.ts';
import { TimeLimit } from './time-limit.ts';
import { trusted } from './trusted.ts';
import { judge, type Stopped, type WorkerEnd } from './verdict.ts';
import { type KeeperContext, type KeeperHandlers, WorkerKeeper } from './worker-keeper.ts';

export interface SeatContext extends KeeperContext {
  /** The worker can take another job. */
  freed(): void;
  /** The job was handed over but certainly not begun: it goes back to the head of the queue. */
  returned(job: Job): void;
}

/** Tasks are sent ahead to a busy worker as long as it is done with them in this many milliseconds. */
const AHEAD_MS = 4;

/**
 * A place for one worker, the task it runs, and the short ones that it was sent ahead: to wake a worker for each task of
 * microseconds would cost more than the task.
 *
 * A worker says how a task ended before it begins the next one. So the first one here without a result is the only one
 * that can have begun: whatever becomes of the worker, the others go back to the queue.
 */
export class Seat {
  readonly #context: SeatContext;
  readonly #keeper: WorkerKeeper;
  #retiring = false;
  /** What the worker was sent and has not ended, in order. */
  readonly #jobs: Job[] = [];
  /** Milliseconds that they will take. */
  #expectedMs = 0;
  #result: { end: JobEnd; payload: Uint8Array } | undefined;
  /** Why the worker is being ended, and for which job. */
  #stopped: { job: Job; why: Stopped } | undefined;
  /** Of the job that runs, if it has one. */
  #limit: TimeLimit | undefined;
  /** A source map is on its way to the worker. */
  #mapping: Promise<void> | undefined;
  readonly #warm = new Set<Digest>();
  /** Tasks that this worker has ended. */
  #done = 0;

  constructor(context: SeatContext) {
    this.#context = context;
    this.#keeper = new WorkerKeeper(context, {
      started: () => {
        this.#retiring = false;
        // The one that asked for it is gone: this one may ask for the same.
        this.#mapping = undefined;
        this.#warm.clear();
        this.#done = 0;
      },
      report: (report, payload) => this.#report(report, payload),
      raw: (stream, bytes) => this.#jobs[0]?.output.text(stream, Date.now(), bytes),
      ended: end => this.#ended(end),
    });
  }

  get group(): number | undefined {
    return this.#keeper.group;
  }

  get starting(): boolean {
    return this.#keeper.starting;
  }

  get problem(): string | undefined {
    return this.#keeper.problem;
  }

  /** How little it suits a job: an idle worker that has its bundle, another idle one, a busy one that takes it ahead. */
  cost({ run: { digest }, expectedMs }: Job): number | undefined {
    if (!this.#keeper.ready || this.#retiring || this.#stopped) return undefined;
    const warm = this.#warm.has(digest);
    if (this.#jobs.length === 0) return warm ? 0 : 1;
    return warm && this.#expectedMs + expectedMs <= AHEAD_MS ? 2 : undefined;
  }

  /** The worker has less than half of what it may be sent ahead. */
  get #isLow(): boolean {
    return this.#expectedMs <= AHEAD_MS / 2;
  }

  has(job: Job): boolean {
    return this.#jobs.includes(job);
  }

  /** Hands over a job whose bundle is here. Only when there is a {@link cost}. */
  run(job: Job): void {
    const { task, attempt, digest, mapDigest, kind, type } = job.run;
    this.#jobs.push(job);
    this.#expectedMs += job.expectedMs;
    this.#warm.add(digest);
    const command = { t: 'run', task, attempt, digest, mapDigest, file: job.file!, kind, type } as const;
    this.#keeper.send(command, job.args);
    if (this.#jobs.length === 1) this.#begun(job);
  }

  /** Stops a job by ending its worker; one that was only sent ahead, when the worker comes to it. */
  stop(job: Job, why: Stopped): void {
    if (job !== this.#jobs[0] || this.#result || this.#stopped) return;
    this.#stopped = { job, why };
    this.#keeper.kill();
  }

  /** The worker is at this job now. */
  #begun(job: Job): void {
    const {
      cancelled,
      run: { timeoutMs },
    } = job;
    if (cancelled !== undefined) this.stop(job, { why: 'cancel', reason: cancelled });
    // The one before had just ended when this was closed, so that there was nothing to stop.
    else if (this.#keeper.closed) this.stop(job, { why: 'shutdown' });
    else if (timeoutMs !== undefined) {
      this.#limit = new TimeLimit(timeoutMs, () => this.stop(job, { why: 'timeout', ms: timeoutMs }));
    }
  }

  /** Ends the worker for good, and resolves when it is gone. */
  close(): Promise<void> {
    const gone = this.#keeper.close();
    const [job] = this.#jobs;
    if (job) this.stop(job, { why: 'shutdown' });
    else this.#keeper.dismiss();
    return gone;
  }

  #report(report: Parameters<KeeperHandlers['report']>[0], payload: Uint8Array): void {
    // The worker is at the next task already.
    if (this.#result && this.#jobs.length > 1 && report.t !== 'retire') this.#finish();
    switch (report.t) {
      case 'output':
        if (report.stream === 'item') this.#jobs[0]?.output.item(report.at, report.type ?? 'application/json', payload);
        else this.#jobs[0]?.output.text(report.stream, report.at, payload);
        return;
      case 'need-map':
        if (report.digest !== this.#jobs[0]?.run.mapDigest) {
          throw new Error('It needs a source map that is not its own.');
        }
        void this.#sendMap(report.digest);
        return;
      case 'result':
        if (this.#jobs.length === 0 || this.#result) return;
        this.#result = { end: trusted(report, payload), payload };
        this.#endLimit();
        // What child processes printed before the result is in the pipes already: it is read in this turn of the loop.
        setImmediate(() => this.#finish());
        return;
      case 'retire':
        this.#retire();
        return;
      case 'return':
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
    const [next] = this.#jobs;
    if (next) this.#begun(next);
    job.end(result.end, result.payload);
    if (next) {
      if (this.#isLow) this.#context.freed();
    } else if (this.#retiring || this.#keeper.closed) {
      this.#keeper.dismiss();
    } else {
      this.#context.freed();
    }
  }

  /** The job that the worker is done with. */
  #take(): Job {
    const job = this.#jobs.shift()!;
    this.#expectedMs = this.#jobs.length === 0 ? 0 : this.#expectedMs - job.expectedMs;
    this.#endLimit();
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
    if (this.#jobs.length === 0) this.#keeper.dismiss();
  }

  /** Gives back all jobs from this one on: the worker never came to them. */
  #return(from: number): void {
    if (from === 0) this.#endLimit();
    const jobs = this.#jobs.splice(from);
    for (const job of jobs) this.#expectedMs -= job.expectedMs;
    for (const job of jobs.reverse()) this.#context.returned(job);
  }

  #ended(end: WorkerEnd): void {
    this.#endLimit();
    this.#finish();
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
      if (!this.#keeper.closed) this.#return(0);
    }
  }

  #endLimit(): void {
    this.#limit?.stop();
    this.#limit = undefined;
  }

  /** The time until the map is here is not the function's: it has thrown already. */
  async #sendMap(digest: Digest): Promise<void> {
    // One at a time: nobody prolongs a limit by asking often.
    if (this.#mapping) return;
    const limit = this.#limit;
    limit?.stop();
    const sent = this.#keeper.sendMap(digest);
    this.#mapping = sent;
    await sent;
    if (this.#mapping === sent) this.#mapping = undefined;
    if (limit === this.#limit) limit?.resume();
  }
}
