import { AsyncLocalStorage } from 'node:async_hooks';
import { syncBuiltinESMExports } from 'node:module';

/** One attempt, from the command to its result. */
export interface Run {
  ended: boolean;
}

const storage = new AsyncLocalStorage<Run>();
let active: Run | undefined;

/** Runs `body` so that all it starts, timers and promises included, is known to belong to `run`. */
export function within<T>(run: Run, body: () => T): T {
  active = run;
  return storage.run(run, body);
}

export function leave(run: Run): void {
  run.ended = true;
  if (active === run) active = undefined;
}

/**
 * The attempt that the calling code belongs to; `undefined` for leftovers of a finished one, and while there is none.
 * Code outside any async context (native call-backs) counts to the attempt that runs.
 */
export function current(): Run | undefined {
  const run = storage.getStore() ?? active;
  return run?.ended ? undefined : run;
}

export function isBusy(): boolean {
  return active !== undefined;
}

/** Lets what a finished task left behind end the process only while no other task runs in it. */
export function guardExit(): void {
  const exit = process.exit.bind(process);
  process.exit = code => {
    if (isBusy() && current() === undefined) throw new Error('A finished task may not end the process of another one.');
    return exit(code);
  };
  // `import { exit } from 'node:process'` gets it too.
  syncBuiltinESMExports();
}
