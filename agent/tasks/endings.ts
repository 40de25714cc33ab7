import type { Lost, Result } from '../../protocol/broker-agent/messages.ts';
import type { Attempt } from './attempt.ts';

/** The end of an attempt that is gone with its worker, its manager or the agent before. */
export function lostMessage({ task, attempt }: Attempt, reason: string, workerDied: boolean): Lost {
  return { t: 'lost', task, attempt, reason: reason.slice(0, 1024), workerDied };
}

/** The result of an attempt that never ran. */
export function unrunMessage(
  { task, attempt, receivedAt }: Attempt,
  outcome: 'failed' | 'cancelled',
  error: Result['error'],
): Result {
  const timings = { loadMs: 0, runMs: 0, agentMs: performance.now() - receivedAt };
  return { t: 'result', task, attempt, outcome, error, timings };
}
