import * as z from 'zod';
import { type ErrorCode, errorKinds, isErrorCode, type Whose } from './registry.ts';

const BRAND = Symbol.for('runabout.error');

/** What an error may carry besides its code and message. */
export interface ErrorDetails {
  /** What to do next, as a sentence. */
  hint?: string;
  /** Where in the request it is, for example `tasks.3.args`. */
  path?: string;
  cause?: unknown;
}

/** The one error of Runabout's own: a stable code, what failed and why, and what to do next. */
export class RunaboutError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly path: string | undefined;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RunaboutError';
    this.code = code;
    this.hint = details.hint;
    this.path = details.path;
  }

  get status(): number {
    return errorKinds[this.code].status;
  }

  get whose(): Whose {
    return errorKinds[this.code].whose;
  }

  /** Message and hint in one line, as a person reads it. */
  get explained(): string {
    return this.hint ? `${this.message} ${this.hint}` : this.message;
  }

  // Several bundles hold a copy of this class, and `instanceof` has to hold across them.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && (value as { [BRAND]?: boolean })[BRAND] === true;
  }
}

/** RFC 9457 problem details, as every failed REST call answers them. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  hint: z.string().optional(),
  path: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

export function toProblem(error: RunaboutError): Problem {
  const { status, title } = errorKinds[error.code];
  return {
    type: `urn:runabout:error:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    ...(error.hint ? { hint: error.hint } : {}),
    ...(error.path ? { path: error.path } : {}),
  };
}

export function fromProblem(problem: Problem): RunaboutError {
  const code = isErrorCode(problem.code) ? problem.code : 'broker-internal';
  return new RunaboutError(code, problem.detail, { hint: problem.hint, path: problem.path } as ErrorDetails);
}

/** Any thrown value as a RunaboutError; what is not one becomes `code` with the given context before its message. */
export function asRunaboutError(error: unknown, code: ErrorCode, what: string): RunaboutError {
  if (error instanceof RunaboutError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new RunaboutError(code, `${what}: ${why}`, { cause: error });
}
