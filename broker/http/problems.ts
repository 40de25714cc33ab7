import type { Duplex } from 'node:stream';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { mediaTypes } from '../../protocol/client-broker/common.ts';
import { type ErrorDetails, type Problem, RunaboutError, toProblem } from '../../protocol/errors/error.ts';
import type { ErrorCode } from '../../protocol/errors/registry.ts';
import { WINDOW_MS } from './failure-limit.ts';

/** What fastify itself refuses, in our codes. */
const fastifyCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'json-invalid',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'json-invalid',
};

/** Any thrown value as the error that the caller sees. What is not known is ours, and its text stays in the log. */
export function toCallersError(error: unknown): RunaboutError {
  if (error instanceof RunaboutError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return fromIssues(error);
  const { code, statusCode, message } = error as Partial<FastifyError>;
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE')
    return new RunaboutError('request-invalid', 'The request broke off.');
  const known = fastifyCodes[code ?? ''];
  if (known) return new RunaboutError(known, message ?? '');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new RunaboutError(
      code === undefined ? 'json-invalid' : 'request-invalid',
      message ?? 'The request is not valid.',
    );
  }
  return new RunaboutError('broker-internal', 'The broker failed; its log says why.');
}

/** What Node's HTTP server found wrong with a connection, before there was a request. */
export function toClientError({ code }: { code?: string }): RunaboutError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new RunaboutError('headers-too-large', 'The headers of the request are larger than 16 KiB.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new RunaboutError('request-timeout', 'The request did not arrive in time.', { hint: 'Send it again.' });
  }
  return new RunaboutError('request-invalid', 'This is not valid HTTP.');
}

/** Where something is wrong, as people call it. */
const PLACES: Record<string, string> = { body: 'body', params: 'address', querystring: 'query' };

function fromIssues(error: Pick<FastifyError, 'validation' | 'validationContext'>) {
  const issue = error.validation?.[0];
  const where = PLACES[error.validationContext ?? 'body'] ?? 'request';
  const path = issue?.instancePath.replace(/^\//, '').replaceAll('/', '.') || undefined;
  const details: ErrorDetails = path === undefined ? {} : { path };
  return new RunaboutError(
    'request-invalid',
    `The ${where} is not valid${path === undefined ? '' : ` at ${path}`}: ${issue?.message ?? 'unknown'}.`,
    details,
  );
}

function problemOf(error: RunaboutError): Problem {
  const problem = toProblem(error);
  return { ...problem, detail: problem.detail.slice(0, LONGEST_DETAIL) };
}

/** What HTTP wants to be said beside the body. */
function headersOf({ status }: RunaboutError): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer realm="runabout"' };
  if (status === 429) return { 'retry-after': String(WINDOW_MS / 1000) };
  return {};
}

/** Characters of an explanation: an address or a header that it quotes may be as long as a caller likes. */
const LONGEST_DETAIL = 1_000;

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const shown = toCallersError(error);
  if (shown.status >= 500 && shown.code !== 'broker-stopping')
    request.log.error({ err: error, req: request.raw }, shown.code);
  else request.log.debug({ req: request.raw, code: shown.code }, 'refused');
  return reply
    .code(shown.status)
    .headers(headersOf(shown))
    .type(mediaTypes.problem)
    .send(JSON.stringify(problemOf(shown)));
}

/**
 * Answers what fails before there is a request (bad HTTP, a refused upgrade), and lets go of the connection: a caller
 * that never closes its end would hold it for good.
 */
export function endWithProblem(socket: Duplex, error: RunaboutError): void {
  const body = JSON.stringify(problemOf(error));
  const lines = [
    `HTTP/1.1 ${error.status} ${error.code}`,
    `content-type: ${mediaTypes.problem}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...Object.entries(headersOf(error)).map(([name, value]) => `${name}: ${value}`),
  ];
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
