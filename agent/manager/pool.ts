import { join } from 'node:path';
import type { Logger } from 'pino';
import type { WorkerSettings } from '../../protocol/agent-manager/messages.ts';
import type { Digest } from '../../protocol/ids.ts';
import { Pace } from '../pace.ts';
import type { Job } from './job.ts';
import { Seat, type SeatContext } from './seat.ts';
import { SharedSeat } from './shared-seat.ts';
import { WorkerProcess } from './worker-process.ts';

export interface PoolOptions {
  endpoint: string;
  settings: WorkerSettings;
  size: number;
  /** Where workers get their scratch folders. */
  scratch: string;
  log: Logger;
  mapFile: SeatContext['mapFile'];
  /** The counts of {@link Pool.starting}, `groups` or `problem` may be others now. */
  changed(): void;
}

/** The workers of one host. A job goes to the seat that it suits best of those that take it. */
export class Pool {
  readonly #queue: Job[] = [];
  readonly #seats: (Seat | SharedSeat)[] = [];
  readonly #pace = new Pace();
  readonly #changed: () => void;
  #scratches = 0;

  constructor({ endpoint, settings, size, scratch, log, mapFile, changed }: PoolOptions) {
    this.#changed = changed;
    const context: SeatContext = {
      start: handlers => new WorkerProcess(endpoint, settings, join(scratch, String(++this.#scratches)), log, handlers),
      mapFile,
      freed: () => this.#dispatch(),
      changed: () => {
        this.#dispatch();
        this.#changed();
      },
      returned: job => {
        this.#queue.unshift(job);
        this.#dispatch();
      },
    };
    const { tasksPerWorker, graceMs } = settings;
    for (let i = 0; i < size; i++) {
      this.#seats.push(tasksPerWorker > 1 ? new SharedSeat(context, tasksPerWorker, graceMs) : new Seat(context));
    }
  }

  get starting(): number {
    return this.#seats.filter(seat => seat.starting).length;
  }

  get groups(): number[] {
    return this.#seats.flatMap(seat => seat.group ?? []);
  }

  get problem(): string | undefined {
    return this.#seats.find(seat => seat.problem)?.problem;
  }

  /** How long a task of this bundle took. */
  observe(digest: Digest, ms: number): void {
    this.#pace.observe(digest, ms);
  }

  add(job: Job): void {
    this.#queue.push(job);
    this.#dispatch();
  }

  /** Ends a job that waits at once, and one that runs through its worker's end. */
  cancel(job: Job, reason: string): void {
    job.cancelled ??= reason;
    const at = this.#queue.indexOf(job);
    if (at >= 0) this.#queue.splice(at, 1);
    const seat = this.#seats.find(seat => seat.has(job));
    if (seat) seat.stop(job, { why: 'cancel', reason });
    else job.end(cancelledEnd(reason));
  }

  /** Ends all workers, and resolves when they are gone. Jobs that had begun are lost; nothing is started any more. */
  async close(): Promise<void> {
    this.#queue.length = 0;
    await Promise.all(this.#seats.map(seat => seat.close()));
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const job = this.#queue[0]!;
      job.expectedMs = this.#pace.expect(job.run.digest);
      const seat = this.#cheapest(job);
      if (!seat) return;
      this.#queue.shift();
      if (job.cancelled !== undefined) job.end(cancelledEnd(job.cancelled));
      else seat.run(job);
    }
  }

  #cheapest(job: Job): Seat | SharedSeat | undefined {
    let best: Seat | SharedSeat | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const seat of this.#seats) {
      const cost = seat.cost(job);
      if (cost === undefined || cost >= least) continue;
      best = seat;
      least = cost;
    }
    return best;
  }
}

function cancelledEnd(reason: string) {
  return {
    outcome: 'cancelled',
    error: { code: 'task-cancelled', message: reason },
    loadMs: 0,
    runMs: 0,
  } as const;
}
