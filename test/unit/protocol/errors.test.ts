import { expect, test } from 'vitest';
import { asRunaboutError, fromProblem, Problem, RunaboutError, toProblem } from '../../../protocol/errors/error.ts';
import { type ErrorCode, errorKinds } from '../../../protocol/errors/registry.ts';

test('an error survives the way through problem+json', () => {
  const error = new RunaboutError('digest-mismatch', 'The bytes are others.', {
    hint: 'Send them again.',
    path: 'body',
  });
  const back = fromProblem(Problem.parse(JSON.parse(JSON.stringify(toProblem(error)))));
  expect(back).toMatchObject({
    code: 'digest-mismatch',
    message: 'The bytes are others.',
    hint: 'Send them again.',
    path: 'body',
    status: 422,
    whose: 'request',
  });
});

test('instanceof holds for the copy of another bundle', () => {
  const other = Object.assign(new Error('x'), { [Symbol.for('runabout.error')]: true, code: 'not-found' });
  expect(other instanceof RunaboutError).toBe(true);
  expect(new Error('x') instanceof RunaboutError).toBe(false);
  expect((null as unknown) instanceof RunaboutError).toBe(false);
});

test('an unknown code of a newer broker becomes an error of the broker', () => {
  expect(fromProblem({ type: '', title: '', status: 400, code: 'from-the-future', detail: 'd' }).code).toBe(
    'broker-internal',
  );
});

test('foreign errors are wrapped with what was being done', () => {
  const error = asRunaboutError(new Error('ENOSPC'), 'broker-internal', 'Writing the blob');
  expect(error.message).toBe('Writing the blob: ENOSPC');
  expect(asRunaboutError(error, 'not-found', 'other')).toBe(error);
});

test('codes, statuses and titles keep house style', () => {
  for (const [code, { status, whose, title }] of Object.entries(errorKinds)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(title).toMatch(/^[A-Z].*\.$/);
    // An error of the user's function is a result, not a failed request.
    if (whose === 'function') expect(errorKinds[code as ErrorCode].status).toBe(200);
    else expect([200, 400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 431, 500, 503]).toContain(status);
  }
});
