import { current, type Run } from './context.ts';

/** What a function finds as the global `runabout`. */
export interface RunaboutGlobal {
  /** Aborts when the task is cancelled or its time is over. */
  readonly signal: AbortSignal;
}

/**
 * Gives functions the global `runabout`.
 * @param listening called when an attempt asks for its signal for the first time
 */
export function offerSignal(listening: (controller: AbortController) => void): void {
  const value: RunaboutGlobal = {
    get signal() {
      const run: Pick<Run, 'controller'> = current() ?? {};
      if (!run.controller) {
        run.controller = new AbortController();
        listening(run.controller);
      }
      return run.controller.signal;
    },
  };
  Object.defineProperty(globalThis, 'runabout', { value, configurable: true, enumerable: false });
}
