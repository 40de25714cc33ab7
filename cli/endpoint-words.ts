import type { EndpointState, StartReport } from '../agent/index.ts';
import type { WorkerCounts } from '../protocol/client-broker/endpoints.ts';
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
  const load = workers ? `; ${workersBusy(workers)}` : '';
  return `The endpoint "${name}" runs (process ${pid}), ${link}${time}${load}.${why}`;
}

/** `1 of 2 workers busy`, `5 of 32 tasks on 2 workers`. */
export function workersBusy({ busy, total, tasksEach }: WorkerCounts): string {
  return tasksEach ? `${busy} of ${total * tasksEach} tasks on ${total} workers` : `${busy} of ${total} workers busy`;
}
