import type { WebSocket } from 'ws';
import { ZodError } from 'zod';
import { closeCodes, closeReason } from '../protocol/close-codes.ts';
import { RunaboutError } from '../protocol/errors/error.ts';
import type { ErrorCode } from '../protocol/errors/registry.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/** The standard code for "this server failed". */
const INTERNAL = 1011;

const codes: Partial<Record<ErrorCode, number>> = {
  'token-invalid': closeCodes.auth,
  'too-many-requests': closeCodes.overload,
};

/** Closes a socket for an error: 4003 for a token, 4013 for a slow reader, 4008 when the other side broke the protocol, 1011 when we failed. */
export function closeFor(socket: WebSocket, error: unknown, log: Logger): void {
  const known =
    error instanceof RunaboutError
      ? error
      : error instanceof ZodError
        ? new RunaboutError('request-invalid', firstIssue(error))
        : error instanceof SyntaxError
          ? new RunaboutError('json-invalid', 'the frame is not JSON')
          : undefined;
  if (known?.whose === 'request') {
    socket.close(codes[known.code] ?? closeCodes.protocol, closeReason(known));
    return;
  }
  log.error({ err: error }, 'a socket was closed for an error of the broker');
  socket.close(INTERNAL, known?.code ?? 'broker-internal');
}

/** The first thing that is wrong, with its path. */
export function firstIssue(error: ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'not valid';
  return issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message;
}

/** Pings at intervals and closes a socket that answered none of the last two. Returns what stops it. */
export function keepAlive(socket: WebSocket, clock: Clock, everyMs: number): () => void {
  let unanswered = 0;
  let cancel = () => {};
  const ping = () => {
    if (socket.readyState !== socket.OPEN) return;
    if (unanswered >= 2) return socket.close(closeCodes.overload, 'too-many-requests: what is sent here is not read');
    unanswered += 1;
    socket.ping();
    cancel = clock.after(everyMs, ping);
  };
  socket.on('pong', () => {
    unanswered = 0;
  });
  cancel = clock.after(everyMs, ping);
  return () => cancel();
}
