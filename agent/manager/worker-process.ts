import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { WorkerSettings } from '../../protocol/agent-manager/messages.ts';
import { programUrl } from '../../protocol/entries.ts';
import { encodeMessage, MessageReader } from '../../protocol/frames.ts';
import { COMMAND_FD, REPORT_FD, type WorkerCommand, WorkerReport } from '../../protocol/manager-worker/messages.ts';
import { commonEnvironment } from '../environment.ts';
import { removeTree } from '../remove-tree.ts';
import type { WorkerEnd } from './verdict.ts';

export interface WorkerHandlers {
  report(report: WorkerReport, payload: Uint8Array): void;
  /** What came from child processes and native code, past the worker's own streams. */
  raw(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  /** Comes once, after everything the process said. */
  ended(end: WorkerEnd): void;
}

/** How long a dead worker's pipes may stay open in the hands of a process that escaped its group. */
const PIPES_MS = 250;
const LAST_WORDS = 8192;

/** One worker: a child in its own process group, with a scratch folder that goes when it goes. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #handlers: WorkerHandlers;
  readonly #scratch: string;
  readonly #log: Logger;
  readonly #graceMs: number;
  readonly #outOfMemoryBefore = kernelOutOfMemoryKills();
  #lastWords = '';
  /** It said what cannot be understood, and is being ended: it is sent nothing more. */
  broken = false;
  #killing: NodeJS.Timeout | undefined;
  #ended = false;
  #corked = false;

  constructor(endpoint: string, settings: WorkerSettings, scratch: string, log: Logger, handlers: WorkerHandlers) {
    this.#handlers = handlers;
    this.#scratch = scratch;
    this.#log = log;
    this.#graceMs = settings.graceMs;
    mkdirSync(scratch, { recursive: true, mode: 0o700 });
    const [command, ...args] = workerCommand(settings, scratch);
    this.#child = spawn(command!, args, {
      cwd: scratch,
      env: workerEnvironment(endpoint, settings),
      // Its own process group: a kill reaches what the function started.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    const reader = new MessageReader();
    (this.#child.stdio[REPORT_FD] as Readable).on('data', (bytes: Buffer) => this.#read(reader, bytes));
    this.#child.stdout!.on('data', bytes => this.#handlers.raw('stdout', bytes));
    this.#child.stderr!.on('data', (bytes: Buffer) => {
      this.#lastWords = (this.#lastWords + bytes.toString('latin1')).slice(-LAST_WORDS);
      this.#handlers.raw('stderr', bytes);
    });
    // A write to a worker that has just died fails; `exit` follows and says all there is to say.
    for (const stream of this.#child.stdio) stream?.on('error', () => {});
    this.#child.once('error', error => this.#end(null, null, error.message));
    this.#child.once('exit', (code, signal) => {
      clearTimeout(this.#killing);
      this.#signal('SIGKILL');
      const pipes = setTimeout(() => this.#end(code, signal), PIPES_MS);
      this.#child.once('close', () => {
        clearTimeout(pipes);
        this.#end(code, signal);
      });
    });
  }

  /** The process group, which has the number of its leader; `undefined` if it never started. */
  get group(): number | undefined {
    return this.#child.pid;
  }

  send(command: WorkerCommand, payload?: Uint8Array): void {
    const commands = this.#child.stdio[COMMAND_FD] as Writable;
    if (!this.#corked) {
      this.#corked = true;
      // What is said in one turn of the loop leaves in one write: each wakes the worker.
      commands.cork();
      process.nextTick(() => {
        this.#corked = false;
        commands.uncork();
      });
    }
    commands.write(encodeMessage(command, payload));
  }

  /** SIGTERM to the whole process group, then SIGKILL after the grace time. */
  kill(): void {
    if (this.#killing || this.#ended) return;
    this.#signal('SIGTERM');
    this.#killing = setTimeout(() => this.#signal('SIGKILL'), this.#graceMs);
  }

  /** Ends a worker that has no task. */
  dismiss(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined || this.#ended) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The group has no process left.
    }
  }

  #read(reader: MessageReader, bytes: Buffer): void {
    try {
      for (const { header, payload } of reader.push(bytes)) this.#handlers.report(WorkerReport.parse(header), payload);
    } catch {
      // Only the user's own code can write nonsense there: such a worker cannot be understood any more.
      (this.#child.stdio[REPORT_FD] as Readable).removeAllListeners('data').resume();
      this.broken = true;
      this.#lastWords = 'The worker broke its protocol.';
      this.#signal('SIGABRT');
    }
  }

  #end(code: number | null, signal: NodeJS.Signals | null, problem?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const stream of this.#child.stdio) stream?.destroy();
    void this.#removeScratch();
    this.#handlers.ended({
      code,
      signal,
      lastWords: this.#lastWords,
      kernelOutOfMemory: kernelOutOfMemoryKills() > this.#outOfMemoryBefore,
      ...(problem ? { problem } : {}),
    });
  }

  async #removeScratch(): Promise<void> {
    const error = await removeTree(this.#scratch);
    if (error) this.#log.warn(error, 'The scratch folder of a worker could not be removed.');
  }
}

/** Argument vector of a worker. */
function workerCommand({ heapMb, tasksPerWorker }: WorkerSettings, scratch: string): string[] {
  const node = [process.execPath, ...(heapMb ? [`--max-old-space-size=${heapMb}`] : [])];
  return [...deathSignal(), ...node, fileURLToPath(programUrl('worker')), scratch, String(tasksPerWorker)];
}

/**
 * On Linux the kernel can end a worker with its manager: a function that never returns to its event loop would not see
 * the closed channel.
 */
function deathSignal(): string[] {
  const setpriv = '/usr/bin/setpriv';
  if (process.platform !== 'linux') return [];
  try {
    accessSync(setpriv, constants.X_OK);
    return [setpriv, '--pdeathsig', 'KILL', '--'];
  } catch {
    return [];
  }
}

function workerEnvironment(endpoint: string, { environment }: WorkerSettings): NodeJS.ProcessEnv {
  return { ...commonEnvironment(), ...environment, RUNABOUT_ENDPOINT: endpoint };
}

/** Processes that the Linux kernel has killed for lack of memory since it started; 0 where that is not known. */
function kernelOutOfMemoryKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
