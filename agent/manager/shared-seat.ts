import type { Digest, Id } from '../../protocol/ids.ts';
import type { Job, JobEnd } from './job.ts';
import type { SeatContext } from './seat.ts';
import { TimeLimit } from './time-limit.ts';
import { trusted } from './trusted.ts';
import { howItEnded, judge, judgeStop, type Stopped, type Verdict, type WorkerEnd } from './verdict.ts';
import { type KeeperHandlers, WorkerKeeper } from './worker-keeper.ts';

type Report = Parameters<KeeperHandlers['report']>[0];

interface Held {
  job: Job;
  stopped?: Stopped;
  limit?: TimeLimit;
  /** The source map of its error is on its way to the worker. */
  mapping?: boolean;
  /** Runs while the worker has been told to stop it. */
  stopping?: NodeJS.Timeout;
  /** It has come, and is passed on in this turn of the loop. */
  result?: { end: JobEnd; payload: Uint8Array };
}

/** How much longer than its grace time a worker may take to say that a task has stopped, in milliseconds. */
const STOP_MARGIN_MS = 1_000;

/**
 * A place for one worker that runs several tasks at once.
 *
 * - A task that is cancelled or out of time is ended by the worker itself. Only when the worker does not answer, since one
 *   of its tasks holds it up, is it ended with all its tasks: the others are lost without blame.
 * - When the worker dies by itself, nobody knows which task brought it down: it counts for all of them. A task that was
 *   in a worker's death runs alone the next time, so that the second death is surely its own.
 */
export class SharedSeat {
  readonly #context: SeatContext;
  readonly #keeper: WorkerKeeper;
  readonly #tasks: number;
  readonly #graceMs: number;
  readonly #held = new Map<Id, Held>();
  readonly #warm = new Set<Digest>();
  /** The one that runs alone, or waits until the others have ended. */
  #alone: Job | undefined;
  #retiring = false;
  /** The worker is being ended for one of its tasks, or for good. */
  #killing = false;
  /** Tasks that this worker has ended. */
  #done = 0;

  /**
   * @param tasks how many it runs at once
   * @param graceMs how long a task may take to end after it was told to
   */
  constructor(context: SeatContext, tasks: number, graceMs: number) {
    this.#context = context;
    this.#tasks = tasks;
    this.#graceMs = graceMs;
    this.#keeper = new WorkerKeeper(context, {
      started: () => {
        this.#retiring = false;
        this.#killing = false;
        this.#warm.clear();
        this.#done = 0;
      },
      report: (report, payload) => this.#report(report, payload),
      raw: (stream, bytes) => {
        // What child processes and native code print has no name on it.
        const [only, ...others] = this.#held.values();
        if (others.length === 0) only?.job.output.text(stream, Date.now(), bytes);
      },
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

  /** How little it suits a job; `undefined`: it does not take it. The least loaded worker is the best. */
  cost({ run: { digest, alone } }: Job): number | undefined {
    if (!this.#keeper.ready || this.#retiring || this.#killing || this.#alone) return undefined;
    if (!alone && this.#held.size >= this.#tasks) return undefined;
    return this.#held.size + (this.#warm.has(digest) ? 0 : 0.5);
  }

  has(job: Job): boolean {
    return this.#alone === job || this.#held.get(job.run.task)?.job === job;
  }

  /** Takes a job whose bundle is here. Only when there is a {@link cost}. */
  run(job: Job): void {
    if (job.run.alone) this.#alone = job;
    if (!job.run.alone || this.#held.size === 0) this.#begin(job);
  }

  /** Ends one job: it, and nothing else, if the worker can do that. */
  stop(job: Job, why: Stopped): void {
    const held = this.#held.get(job.run.task);
    if (!held) {
      if (this.#alone === job) this.#alone = undefined;
      job.end(endOf(judgeStop(why)));
      this.#context.freed();
    } else if (!held.stopped) {
      held.stopped = why;
      this.#keeper.send({ t: 'stop', task: job.run.task, graceMs: this.#graceMs });
      held.stopping = setTimeout(() => this.#kill(), this.#graceMs + STOP_MARGIN_MS);
    }
  }

  /** Ends the worker for good, and resolves when it is gone. */
  close(): Promise<void> {
    const gone = this.#keeper.close();
    for (const held of this.#held.values()) held.stopped ??= { why: 'shutdown' };
    if (this.#held.size > 0) this.#kill();
    else this.#keeper.dismiss();
    return gone;
  }

  #kill(): void {
    this.#killing = true;
    this.#keeper.kill();
  }

  #begin(job: Job): void {
    const { task, attempt, digest, mapDigest, kind, type, timeoutMs } = job.run;
    const held: Held = { job };
    this.#held.set(task, held);
    this.#warm.add(digest);
    this.#keeper.send({ t: 'run', task, attempt, digest, mapDigest, file: job.file!, kind, type }, job.args);
    if (timeoutMs !== undefined) {
      held.limit = new TimeLimit(timeoutMs, () => this.stop(job, { why: 'timeout', ms: timeoutMs }));
    }
  }

  #report(report: Report, payload: Uint8Array): void {
    switch (report.t) {
      case 'output': {
        const output = report.task && this.#held.get(report.task)?.job.output;
        if (!output) return;
        if (report.stream === 'item') output.item(report.at, report.type ?? 'application/json', payload);
        else output.text(report.stream, report.at, payload);
        return;
      }
      case 'need-map': {
        const held = report.task && this.#held.get(report.task);
        if (held && report.digest !== held.job.run.mapDigest) {
          throw new Error('It needs a source map that is not its own.');
        }
        if (held) void this.#sendMap(held, report.digest);
        return;
      }
      case 'result': {
        const held = report.task && this.#held.get(report.task);
        if (!held || held.result) return;
        const { stopped } = held;
        const isStopped = report.outcome === 'stopped' && stopped !== undefined;
        held.result = { end: isStopped ? endOf(judgeStop(stopped), report.runMs) : trusted(report, payload), payload };
        // What child processes printed before the result is in the pipes already: it is read in this turn of the loop.
        if (this.#held.size === 1) setImmediate(() => this.#finish(held));
        else this.#finish(held);
        return;
      }
      case 'return': {
        if (!this.#retiring) throw new Error('It gives a task back without retiring.');
        const held = this.#held.get(report.task);
        if (!held) return;
        this.#drop(held.job);
        if (held.stopped) held.job.end(endOf(judgeStop(held.stopped)));
        else this.#context.returned(held.job);
        this.#goOn();
        return;
      }
      case 'retire':
        for (const held of this.#held.values()) if (held.result) this.#end(held);
        // With nothing before it there is nothing to retire for: a function itself says so, and would for ever.
        if (this.#done === 0 && this.#held.size > 0) throw new Error('It retires before it has done anything.');
        this.#retiring = true;
        this.#goOn();
        return;
      case 'exiting':
        return;
    }
  }

  /** The time until the map is here is not the function's: it has thrown already. */
  async #sendMap(held: Held, digest: Digest): Promise<void> {
    // One at a time: nobody prolongs a limit by asking often.
    if (held.mapping) return;
    held.mapping = true;
    held.limit?.stop();
    await this.#keeper.sendMap(digest);
    held.mapping = false;
    if (this.#held.get(held.job.run.task) === held) held.limit?.resume();
  }

  #finish(held: Held): void {
    if (!this.#held.has(held.job.run.task)) return;
    this.#end(held);
    this.#goOn();
  }

  #end({ job, result }: Held): void {
    const { end, payload } = result!;
    this.#done += 1;
    this.#drop(job);
    job.end(end, payload);
  }

  /** It is not the worker's any more. */
  #drop(job: Job): void {
    const held = this.#held.get(job.run.task);
    this.#held.delete(job.run.task);
    held?.limit?.stop();
    clearTimeout(held?.stopping);
    if (this.#alone === job) this.#alone = undefined;
  }

  #goOn(): void {
    if (this.#held.size > 0) {
      this.#context.freed();
    } else if (this.#retiring || this.#keeper.closed) {
      this.#returnAlone();
      this.#keeper.dismiss();
    } else if (this.#alone) {
      if (this.#keeper.ready) this.#begin(this.#alone);
    } else {
      this.#context.freed();
    }
  }

  #returnAlone(): void {
    const job = this.#alone;
    this.#alone = undefined;
    if (job && !this.#keeper.closed) this.#context.returned(job);
  }

  #ended(end: WorkerEnd): void {
    const all = [...this.#held.values()];
    const wasKilled = this.#killing;
    for (const held of all) {
      const { job, stopped } = held;
      if (held.result) {
        this.#end(held);
        continue;
      }
      this.#drop(job);
      if (stopped || (all.length === 1 && !wasKilled)) {
        job.end(endOf(judge(end, stopped)));
      } else if (wasKilled) {
        job.end({ reason: 'Its worker was ended because of another task.', workerDied: false });
      } else {
        const reason = `Its worker ${howItEnded(end)} while it ran ${all.length} tasks; which of them did that is not known.`;
        job.end({ reason, workerDied: true });
      }
    }
    this.#returnAlone();
  }
}

const endOf = (verdict: Verdict, runMs = 0) => ('outcome' in verdict ? { ...verdict, loadMs: 0, runMs } : verdict);
