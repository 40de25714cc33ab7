/**
 * Every error of Runabout: a stable code, its HTTP status, and *whose* it is. Whose decides how it looks: an error of
 * the user's function is a result like any other and is shown on the user's line; the rest is ours to explain.
 *
 * - `function`: the user's own code failed
 * - `request`: what was asked for is wrong or not allowed; the caller can mend it
 * - `endpoint`: the machine that runs tasks could not
 * - `broker`: the hosted service could not
 */
export type Whose = 'function' | 'request' | 'endpoint' | 'broker';

interface ErrorKind {
  status: number;
  whose: Whose;
  /** A short sentence, the same for every occurrence (RFC 9457 `title`). */
  title: string;
}

const kind = (status: number, whose: Whose, title: string): ErrorKind => ({ status, whose, title });

export const errorKinds = {
  // The user's function.
  'function-threw': kind(200, 'function', 'The function threw an error.'),
  'function-exited': kind(200, 'function', 'The function ended its process.'),
  'function-timeout': kind(200, 'function', 'The function ran longer than its time limit.'),
  'function-out-of-memory': kind(200, 'function', 'The function ran out of memory.'),
  'function-crashed': kind(200, 'function', 'The function crashed its process.'),
  'result-not-sendable': kind(200, 'function', 'The function returned something that cannot be sent.'),
  'result-too-large': kind(200, 'function', 'The function returned more than a result may hold.'),
  'bundle-not-loadable': kind(200, 'function', 'The code of the function could not be loaded.'),

  // The request.
  'request-invalid': kind(400, 'request', 'The request is not valid.'),
  'json-invalid': kind(400, 'request', 'The body is not JSON.'),
  'frame-invalid': kind(400, 'request', 'A frame is not valid.'),
  'message-unknown': kind(400, 'request', 'A message is of no known type.'),
  'proto-unsupported': kind(400, 'request', 'This version of the protocol is not supported.'),
  'token-missing': kind(401, 'request', 'The request carries no token.'),
  'token-invalid': kind(401, 'request', 'The token is not known here, or was revoked.'),
  'token-kind': kind(403, 'request', 'A token of this kind may not do this.'),
  'not-allowed': kind(403, 'request', 'You may not do this.'),
  'not-found': kind(404, 'request', 'There is no such thing, or it is not yours.'),
  'route-not-found': kind(404, 'request', 'There is no such address.'),
  'task-gone': kind(410, 'request', 'The task is not kept any more.'),
  'method-not-allowed': kind(405, 'request', 'This address does not take this method.'),
  'request-timeout': kind(408, 'request', 'The request took too long to arrive.'),
  'name-taken': kind(409, 'request', 'The name is taken.'),
  'idempotency-conflict': kind(409, 'request', 'The idempotency key was used for another task.'),
  'task-ended': kind(409, 'request', 'The task has ended already.'),
  'task-not-ended': kind(409, 'request', 'The task has not ended yet.'),
  'body-too-large': kind(413, 'request', 'The body is larger than allowed.'),
  'media-type': kind(415, 'request', 'The media type of the body is not supported.'),
  'digest-mismatch': kind(422, 'request', 'The bytes do not have the digest they were sent under.'),
  'bundle-unknown': kind(422, 'request', 'The broker does not have this bundle.'),
  'headers-too-large': kind(431, 'request', 'The headers are larger than allowed.'),
  'too-many-requests': kind(429, 'request', 'Too many requests.'),
  'function-not-markable': kind(422, 'request', 'This function cannot run elsewhere as it is.'),
  'function-not-found': kind(422, 'request', 'The file has no such function.'),
  'bundle-failed': kind(422, 'request', 'The function could not be bundled.'),
  'bundle-too-large': kind(413, 'request', 'The bundle is larger than allowed.'),
  'arguments-invalid': kind(422, 'request', 'The arguments do not fit the parameters.'),

  // The endpoint.
  'task-cancelled': kind(200, 'endpoint', 'The task was cancelled.'),
  'task-expired': kind(200, 'endpoint', 'The task was not started before its deadline.'),
  'task-lost': kind(200, 'endpoint', 'The task was lost with the machine that ran it.'),
  'task-poison': kind(200, 'endpoint', 'The task brought down every worker that ran it.'),
  'worker-not-started': kind(200, 'endpoint', 'The endpoint could not start a worker.'),
  'endpoint-deleted': kind(200, 'endpoint', 'The endpoint was deleted.'),
  'endpoint-config': kind(500, 'endpoint', 'The configuration of the endpoint is not valid.'),
  'endpoint-running': kind(409, 'endpoint', 'The endpoint is running already.'),
  'endpoint-not-running': kind(409, 'endpoint', 'The endpoint is not running.'),

  // The broker.
  'broker-unreachable': kind(503, 'broker', 'The broker cannot be reached.'),
  'broker-address': kind(500, 'broker', 'The broker will not listen on this address.'),
  'broker-internal': kind(500, 'broker', 'The broker failed.'),
  'broker-storage': kind(503, 'broker', 'The broker cannot store anything now.'),
  'broker-running': kind(409, 'broker', 'A broker serves this data folder already.'),
  'broker-stopping': kind(503, 'broker', 'The broker is stopping.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorKinds, code);
}
