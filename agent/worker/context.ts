import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';

/** One attempt, from the command to its result. */
export interface Run {
  ended: boolean;
  /** Its id, in a shared worker, where all that is said names it. */
  task?: string;
  /** Of its signal (see ./signal.ts), once it asked for that. */
  controller?: AbortController;
}

const storage = new AsyncLocalStorage<Run>();
const active = new Set<Run>();

/** Runs `body` so that all it starts, timers and promises included, is known to belong to `run`. */
export function within<T>(run: Run, body: () => T): T {
  active.add(run);
  return storage.run(run, body);
}

export function leave(run: Run): void {
  run.ended = true;
  active.delete(run);
}

/**
 * The attempt that the calling code belongs to; `undefined` for leftovers of a finished one, and while there is none.
 * Code outside any async context (native call-backs) counts to the attempt that runs, if that is only one.
 */
export function current(): Run | undefined {
  const run = storage.getStore() ?? theOnly();
  return run?.ended ? undefined : run;
}

function theOnly(): Run | undefined {
  return active.size === 1 ? active.values().next().value : undefined;
}

export function isBusy(): boolean {
  return active.size > 0;
}

/** What `process.exit` throws where it may not end the process: it never returns. */
export class ExitCalled extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ExitCalled';
  }
}

/**
 * Lets what a finished task left behind end the process only while no other task runs in it.
 * @param exited of a shared worker, where no task may end the others: this one called `process.exit`
 */
export function guardExit(exited?: (run: Run, code: number) => void): void {
  const exit = process.exit.bind(process);
  process.exit = code => {
    const run = current();
    if (isBusy() && run === undefined) {
      throw new ExitCalled('A finished task may not end the process of another one.');
    }
    if (!exited || !run) return exit(code);
    exited(run, Number(code ?? process.exitCode ?? 0));
    throw new ExitCalled('The task has ended; its worker has others.');
  };
  // `import { exit } from 'node:process'` gets it too.
  syncBuiltinESMExports();
}
