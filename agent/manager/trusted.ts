import { errorKinds, isErrorCode } from '../../protocol/errors/registry.ts';
import { limits } from '../../protocol/limits.ts';
import type { WorkerResult } from '../../protocol/manager-worker/messages.ts';
import type { JobEnd } from './job.ts';

/**
 * What a worker says of how its attempt ended, as far as it can be so. The user's code can write to the same pipe, and
 * what the broker would not take must not get that far: it would be sent for ever.
 */
export function trusted({ outcome, type, error, loadMs, runMs }: WorkerResult, { length }: Uint8Array): JobEnd {
  if (outcome === 'succeeded' && type && length <= limits.result) return { outcome, type, loadMs, runMs };
  if (outcome === 'failed' && error && length === 0) {
    const isOurs = isErrorCode(error.code) && ['endpoint', 'broker'].includes(errorKinds[error.code].whose);
    return { outcome, error: isOurs ? { ...error, code: 'function-threw' } : error, loadMs, runMs };
  }
  const code = length > limits.result ? 'result-too-large' : 'result-not-sendable';
  return { outcome: 'failed', error: { code, message: 'The worker sent a result that is none.' }, loadMs, runMs };
}
