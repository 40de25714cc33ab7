import type { Digest } from '../../protocol/ids.ts';
import type { WorkerCommand, WorkerReport } from '../../protocol/manager-worker/messages.ts';
import type { WorkerEnd } from './verdict.ts';
import type { WorkerHandlers, WorkerProcess } from './worker-process.ts';

export interface KeeperContext {
  /** Starts a worker process with these handlers. */
  start(handlers: WorkerHandlers): WorkerProcess;
  /** A source map's file; `undefined` when it cannot be had. */
  mapFile(digest: Digest): Promise<string | undefined>;
  /** The counts of workers are others, or one is ready. */
  changed(): void;
}

export interface KeeperHandlers {
  /** A new worker is being started; it has loaded nothing. */
  started(): void;
  report(report: Exclude<WorkerReport, { t: 'ready' }>, payload: Uint8Array): void;
  raw: WorkerHandlers['raw'];
  /** The worker is gone; another one is started after this call. */
  ended(end: WorkerEnd): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/** Keeps one worker running: when it ends, another is started; when it could not even start, after growing pauses. */
export class WorkerKeeper {
  readonly #context: KeeperContext;
  readonly #handlers: KeeperHandlers;
  #process: WorkerProcess | undefined;
  #ready = false;
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;
  #gone: (() => void) | undefined;
  /** No other one is started any more. */
  closed = false;
  /** Why the last worker could not be started. */
  problem: string | undefined;

  constructor(context: KeeperContext, handlers: KeeperHandlers) {
    this.#context = context;
    this.#handlers = handlers;
    this.#start();
  }

  /** It can be sent tasks. */
  get ready(): boolean {
    return this.#ready && !this.closed && this.#process?.broken === false;
  }

  get starting(): boolean {
    return !this.#ready && !this.closed;
  }

  get group(): number | undefined {
    return this.#process?.group;
  }

  send(command: WorkerCommand, payload?: Uint8Array): void {
    this.#process?.send(command, payload);
  }

  /** Fetches a source map for the worker. Resolves when it was sent, or cannot be had, or the worker is another by then. */
  async sendMap(digest: Digest): Promise<void> {
    const worker = this.#process;
    const file = await this.#context.mapFile(digest);
    if (worker === this.#process) worker?.send({ t: 'map', digest, ...(file ? { file } : {}) });
  }

  /** Ends the worker with what it is doing: SIGTERM, then SIGKILL after the grace time. */
  kill(): void {
    this.#process?.kill();
  }

  /** Ends a worker that has nothing to do. */
  dismiss(): void {
    this.#process?.dismiss();
  }

  /** Starts no other one. Resolves when this one is gone; to end it is for the caller. */
  close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.#pause);
    if (!this.#process) return Promise.resolve();
    return new Promise(resolve => {
      this.#gone = resolve;
    });
  }

  #start(): void {
    this.#ready = false;
    this.#handlers.started();
    try {
      this.#process = this.#context.start({
        report: (report, payload) => this.#report(report, payload),
        raw: (stream, bytes) => this.#handlers.raw(stream, bytes),
        ended: end => this.#ended(end),
      });
    } catch (error) {
      // A full disk, for example, has no room for its folder: the other workers go on.
      this.#startLater((error as Error).message);
      return;
    }
    this.#context.changed();
  }

  #startLater(why: string): void {
    this.problem = `A worker could not be started: ${why}`;
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    this.#pause = setTimeout(() => this.#start(), pause);
    this.#context.changed();
  }

  #report(report: WorkerReport, payload: Uint8Array): void {
    if (report.t === 'ready') {
      this.#ready = true;
      this.#failures = 0;
      this.problem = undefined;
      this.#context.changed();
    } else {
      this.#handlers.report(report, payload);
    }
  }

  #ended(end: WorkerEnd): void {
    // Nothing is handed to this worker any more by what follows.
    const wasReady = this.#ready;
    this.#ready = false;
    this.#process = undefined;
    this.#handlers.ended(end);
    if (this.closed) {
      this.#gone?.();
    } else if (wasReady) {
      this.#start();
    } else {
      const lastWord = end.lastWords.trim().split('\n').at(-1);
      this.#startLater(end.problem ?? (lastWord || `it ended with ${end.signal ?? end.code}`));
    }
  }
}
