import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { AgentToManager, ManagerWelcome, Run } from '../../protocol/agent-manager/messages.ts';
import { PROTO } from '../../protocol/agent-manager/messages.ts';
import { type Digest, digestOf, type Id } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { partsOf } from '../blobs/parts.ts';
import { Bundles } from './bundles.ts';
import { Job, type JobEnd, type JobReports } from './job.ts';
import { AgentLink } from './link.ts';
import { Pool } from './pool.ts';

export interface ManagerOptions {
  id: Id;
  /** The agent's rendezvous file. */
  rendezvous: string;
  workers: number;
  /** This manager's own folder; it may be removed when the manager has ended. */
  folder: string;
  log: Logger;
  /** The manager has ended, by itself or because it was told to. */
  ended(): void;
}

/** Runs attempts on the workers of this host for an agent, and keeps each end until the agent has it in its journal. */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #link: AgentLink;
  readonly #jobs = new Map<Id, Job>();
  readonly #ends = new Map<Id, { job: Job; end: JobEnd; payload: Uint8Array | undefined }>();
  readonly #reports: JobReports = {
    output: ({ run: { task, attempt } }, chunk, bytes) =>
      this.#link.send({ t: 'output', task, attempt, ...chunk }, bytes),
    ended: (job, end, payload) => {
      const { task, digest } = job.run;
      if (this.#jobs.get(task) === job) this.#jobs.delete(task);
      if (job.file) this.#bundles?.release(digest);
      if ('outcome' in end && end.outcome === 'succeeded') this.#pool?.observe(digest, end.runMs);
      this.#ends.set(task, { job, end, payload });
      // failpoint: manager.result.sending
      this.#sendEnd(job, end, payload);
      // failpoint: manager.result.sent
    },
  };
  #bundles: Bundles | undefined;
  #pool: Pool | undefined;
  #outputBytes = 0;
  #telling = false;
  /** The last thing told about the workers. */
  #told = '';
  #closing: Promise<void> | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#link = new AgentLink(options.rendezvous, options.log, {
      hello: () => this.#hello(),
      welcomed: welcome => this.#welcomed(welcome),
      take: (message, payload) => this.#take(message, payload),
      orphaned: reason => {
        options.log.warn(reason);
        void this.close();
      },
    });
  }

  /** Ends all workers and the connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#pool?.close();
    this.#link.close();
    this.#options.ended();
  }

  #hello() {
    const { id, workers } = this.#options;
    const holds = [...this.#jobs.values(), ...[...this.#ends.values()].map(({ job }) => job)];
    const payload = Buffer.from(JSON.stringify(holds.map(({ run }) => [run.task, run.attempt])));
    const header = {
      t: 'hello',
      proto: PROTO,
      manager: id,
      host: hostname(),
      pid: process.pid,
      slots: workers,
    } as const;
    return { header, payload };
  }

  #welcomed({ endpoint, settings }: ManagerWelcome): void {
    this.#outputBytes = settings.outputBytes;
    if (this.#pool) {
      this.#bundles!.reconnected();
    } else {
      const { folder, workers, log } = this.#options;
      this.#bundles = new Bundles(join(folder, 'bundles'), settings.cacheBytes, digest =>
        this.#link.send({ t: 'need', digest }),
      );
      this.#pool = new Pool({
        endpoint,
        settings,
        size: workers,
        scratch: join(folder, 'scratch'),
        log,
        mapFile: digest => this.#mapFile(digest),
        changed: () => this.#tellWorkers(),
      });
    }
    this.#told = '';
    this.#tellWorkers();
    for (const { job, end, payload } of this.#ends.values()) this.#sendEnd(job, end, payload);
  }

  #take(message: Exclude<AgentToManager, { t: 'welcome' | 'beat-ok' }>, payload: Uint8Array): void {
    switch (message.t) {
      case 'run':
        void this.#run(message, payload);
        return;
      case 'cancel': {
        const job = this.#jobs.get(message.task);
        if (job?.run.attempt === message.attempt) this.#pool!.cancel(job, message.reason);
        return;
      }
      case 'kept':
        // failpoint: manager.kept.received
        for (const [task, attempt] of message.tasks) {
          if (this.#ends.get(task)?.job.run.attempt === attempt) this.#ends.delete(task);
        }
        return;
      case 'part':
        this.#bundles!.part(message, payload).catch(error => this.#options.log.error(error));
        return;
      case 'missing':
        this.#bundles!.missing(message.digest, message.reason);
        return;
      case 'stop':
        void this.close();
        return;
    }
  }

  async #run(run: Run, args: Uint8Array): Promise<void> {
    // failpoint: manager.run.received
    const job = new Job(run, args, this.#outputBytes, this.#reports);
    this.#jobs.set(run.task, job);
    if (this.#closing) {
      job.end({ reason: 'The endpoint was stopped.', workerDied: false });
      return;
    }
    try {
      job.file = await this.#bundles!.hold(run.digest);
    } catch (error) {
      job.end({
        outcome: 'failed',
        error: {
          code: 'bundle-not-loadable',
          message: `The code of the function is not to be had. ${(error as Error).message}`,
        },
        loadMs: 0,
        runMs: 0,
      });
      return;
    }
    if (job.ended) this.#bundles!.release(run.digest);
    else this.#pool!.add(job);
  }

  #sendEnd({ run: { task, attempt } }: Job, end: JobEnd, payload: Uint8Array | undefined): void {
    if (!('outcome' in end)) {
      this.#link.send({ t: 'lost', task, attempt, ...end });
      return;
    }
    const { outcome, error, loadMs, runMs, type } = end;
    const header = { t: 'result', task, attempt, outcome, error, loadMs, runMs } as const;
    if (!type || !payload) {
      this.#link.send(header);
    } else if (payload.length <= limits.inlinePayload) {
      this.#link.send({ ...header, value: { type, size: payload.length } }, payload);
    } else {
      const blob = digestOf(payload);
      for (const [part, piece] of partsOf(blob, payload)) this.#link.send(part, piece);
      this.#link.send({ ...header, value: { type, blob, size: payload.length } });
    }
  }

  async #mapFile(digest: Digest): Promise<string | undefined> {
    try {
      const file = await this.#bundles!.hold(digest);
      // The worker reads it at once; the newest file is the last to be removed.
      this.#bundles!.release(digest);
      return file;
    } catch {
      return undefined;
    }
  }

  /** At most once per turn of the loop: starting all workers is one change. */
  #tellWorkers(): void {
    if (this.#telling) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      const pool = this.#pool;
      if (!pool || this.#closing) return;
      const { starting, groups, problem } = pool;
      const text = JSON.stringify([starting, groups, problem]);
      if (text === this.#told) return;
      this.#told = text;
      this.#link.send({ t: 'workers', starting, groups, ...(problem ? { problem: problem.slice(0, 1024) } : {}) });
    });
  }
}
