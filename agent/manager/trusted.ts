import { errorKinds, isErrorCode } from '../../protocol/errors/registry.ts';
import { limits } from '../../protocol/limits.ts';
import type { WorkerResult } from '../../protocol/manager-worker/messages.ts';
import type { JobEnd } from './job.ts';

/**
 * What a worker says of how its attempt ended, if it can be so. The user's code can write to the same pipe; what the
 * broker would not take must not get that far, since it would be sent for ever, and no failure may look like one of ours.
 * @throws Error when it is not whole: such a worker is not understood any more
 */
export function trusted({ outcome, type, error, loadMs, runMs }: WorkerResult, { length }: Uint8Array): JobEnd {
  if (outcome === 'succeeded' && type && length <= limits.result) return { outcome, type, loadMs, runMs };
  if (outcome !== 'failed' || !error || length > 0) throw new Error('Its result is not whole.');
  const isOurs = isErrorCode(error.code) && ['endpoint', 'broker'].includes(errorKinds[error.code].whose);
  return { outcome, error: isOurs ? { ...error, code: 'function-threw' } : error, loadMs, runMs };
}
