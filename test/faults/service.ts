import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { signal } from './processes.ts';

export interface Command {
  /** For people: `broker`, `agent e1`. */
  name: string;
  /** Argument vector after the Node program. */
  args: string[];
  environment: Record<string, string>;
  /** Gets everything it prints. */
  log: string;
}

/** How long a process that ended stays away, unless a fault says otherwise, in milliseconds. */
const DOWN_MS = 200;

/**
 * A process that is started again whenever it ends, as a service manager does: just started, with nothing mended. That
 * this is enough is what invariant I9 says.
 */
export class Service {
  readonly command: Command;
  readonly #exited: (code: number) => void;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #wanted = false;
  #downMs = DOWN_MS;
  #gone: (() => void)[] = [];

  /** @param exited called when it ended by itself, with its exit code */
  constructor(command: Command, exited: (code: number) => void) {
    this.command = command;
    this.#exited = exited;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    this.#wanted = true;
    const log = openSync(this.command.log, 'a');
    const child = spawn(process.execPath, this.command.args, {
      env: { ...process.env, ...this.command.environment },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#child = child;
    child.once('exit', code => {
      this.#child = undefined;
      for (const call of this.#gone.splice(0)) call();
      if (code !== null && this.#wanted) this.#exited(code);
      if (!this.#wanted) return;
      this.#restart = setTimeout(() => this.start(), this.#downMs);
      this.#downMs = DOWN_MS;
    });
  }

  /** kill -9, and a start after so long. */
  kill(downMs: number): void {
    this.#downMs = downMs;
    this.signal('SIGKILL');
  }

  signal(name: NodeJS.Signals): void {
    if (this.pid !== undefined) signal(this.pid, name);
  }

  /** Ends it for good: SIGTERM, and SIGKILL if it has not ended in time. Returns whether SIGTERM was enough. */
  async end(withinMs: number): Promise<boolean> {
    this.#wanted = false;
    clearTimeout(this.#restart);
    if (!this.#child) return true;
    let inTime = true;
    const late = setTimeout(() => {
      inTime = false;
      this.signal('SIGKILL');
    }, withinMs);
    const gone = new Promise<void>(resolve => this.#gone.push(resolve));
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    await gone;
    clearTimeout(late);
    return inTime;
  }
}
