import type { EndpointState, StartReport } from '../agent/index.ts';
import { duration } from './output.ts';

/** What became of a start. */
export function startSentence(name: string, { connected, problem, pid }: StartReport): string {
  if (connected) return `The endpoint "${name}" is connected (process ${pid}).`;
  return `The endpoint "${name}" runs (process ${pid}) and is not connected yet. ${problem ?? ''}`.trimEnd();
}

/** How an endpoint of this machine is. */
export function stateSentence(name: string, { state, pid, connected, problem, since, workers }: EndpointState): string {
  const why = problem ? ` ${problem}` : '';
  if (state !== 'running') return `The endpoint "${name}" is not running.${why}`;
  const link = connected ? 'connected' : 'not connected';
  const time = since ? ` for ${duration(Date.now() - since)}` : '';
  const load = workers ? `; ${workers.busy} of ${workers.total} workers busy` : '';
  return `The endpoint "${name}" runs (process ${pid}), ${link}${time}${load}.${why}`;
}
