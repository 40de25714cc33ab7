import type { ManagerLost, ManagerResult } from '../../protocol/agent-manager/messages.ts';

/** How a worker process ended, and what is known of why. */
export interface WorkerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last of what the process itself wrote to its standard error, past our streams: V8 says there why it aborts. */
  lastWords: string;
  /** The kernel killed processes for lack of memory while this worker lived. */
  kernelOutOfMemory: boolean;
  /** Why the worker could not be started at all. */
  problem?: string;
}

/** Why the manager itself stopped the worker. */
export type Stopped = { why: 'cancel'; reason: string } | { why: 'timeout'; ms: number } | { why: 'shutdown' };

export type Verdict = Pick<ManagerResult, 'outcome' | 'error'> | Pick<ManagerLost, 'reason' | 'workerDied'>;

/** Signals that code brings on itself. */
const CRASHES: readonly string[] = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP'];
const HEAP_EXHAUSTED = /heap out of memory|Allocation failed/;

/**
 * What became of an attempt whose worker ended under it. What the function did to its own process is the function's
 * failure and final, like an exception: the same would happen again. A kill from outside is nobody's known fault: the
 * attempt is lost with its worker, the broker tries again, and at the second time calls the task poison.
 */
export function judge(end: WorkerEnd, stopped: Stopped | undefined): Verdict {
  if (stopped) return judgeStop(stopped);
  if (end.signal === 'SIGABRT' && HEAP_EXHAUSTED.test(end.lastWords)) {
    return failure(
      'function-out-of-memory',
      "The function needed more memory than a worker's JavaScript heap may have.",
      'Let it hold less at a time, or raise HEAP_MB of the endpoint.',
    );
  }
  if (end.signal === 'SIGKILL' && end.kernelOutOfMemory) {
    return failure(
      'function-out-of-memory',
      'The machine ran out of memory, and its kernel killed the function.',
      'Let it hold less at a time, or run fewer workers on the endpoint.',
    );
  }
  if (end.signal && CRASHES.includes(end.signal)) {
    return failure(
      'function-crashed',
      `The function crashed its process (${end.signal}).`,
      'A native add-on may be broken.',
    );
  }
  if (end.code !== null) {
    return failure(
      'function-exited',
      `The function ended its process with exit code ${end.code}.`,
      'Return from the function instead of calling process.exit.',
    );
  }
  return { reason: `The worker was killed from outside (${end.signal ?? 'no signal known'}).`, workerDied: true };
}

/** What became of an attempt that the manager itself stopped. */
export function judgeStop(stopped: Stopped): Verdict {
  switch (stopped.why) {
    case 'cancel':
      return failure('task-cancelled', stopped.reason, undefined, 'cancelled');
    case 'timeout':
      return failure(
        'function-timeout',
        `The function ran longer than ${stopped.ms} ms and was stopped.`,
        'Give it more time, or less to do.',
      );
    case 'shutdown':
      return { reason: 'The endpoint was stopped.', workerDied: false };
  }
}

/** How a worker ended by itself, for a sentence. */
export function howItEnded({ signal, code, lastWords, kernelOutOfMemory }: WorkerEnd): string {
  if (signal === 'SIGABRT' && HEAP_EXHAUSTED.test(lastWords)) return 'needed more memory than its heap may have';
  if (signal === 'SIGKILL' && kernelOutOfMemory) return 'was killed by the kernel, which ran out of memory';
  return signal ? `was killed (${signal})` : `ended with exit code ${code}`;
}

function failure(
  code: string,
  message: string,
  hint?: string,
  outcome: 'failed' | 'cancelled' = 'failed',
): Pick<ManagerResult, 'outcome' | 'error'> {
  return { outcome, error: hint ? { code, message, hint } : { code, message } };
}
