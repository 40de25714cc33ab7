import * as z from 'zod';
import { limits } from '../limits.ts';

/** One frame of a stack, in the user's own file when the source map knows it. */
export const Frame = z.object({
  /** The function's name; empty at the top level. */
  name: z.string().max(512),
  /** Relative to the project of the function (`src/a.ts`), or the bundle, or `node:…`. */
  file: z.string().max(1024),
  /** From 1. */
  line: z.number().int().nonnegative(),
  /** From 1. */
  column: z.number().int().nonnegative(),
  /** The same place in the bundle's code, from 1: a client whose sources moved on maps it with its own source map. */
  bundle: z.object({ line: z.number().int(), column: z.number().int() }).optional(),
});
export type Frame = z.infer<typeof Frame>;

/** Why a task did not succeed. `name`, `message`, `stack`, `frames` and `cause` are the user's own error's. */
export interface TaskError {
  /** A code of `protocol/errors`; says whose the error is. */
  code: string;
  name?: string | undefined;
  message: string;
  /** What to do next, for errors that are not the function's own. */
  hint?: string | undefined;
  /** The stack as text, mapped to the user's files. */
  stack?: string | undefined;
  frames?: Frame[] | undefined;
  cause?: TaskError | undefined;
}

const Checked: z.ZodType<TaskError> = z.object({
  code: z.string().max(64),
  name: z.string().max(256).optional(),
  message: z.string().max(20_000),
  hint: z.string().max(2048).optional(),
  stack: z.string().max(40_000).optional(),
  frames: z.array(Frame).max(100).optional(),
  get cause() {
    return Checked.optional();
  },
}) as z.ZodType<TaskError>;

/** Counted before the schema follows them: it would go as deep as they do. */
export const TaskError: z.ZodType<TaskError> = z.preprocess((error, context) => {
  let cause = (error as TaskError | null)?.cause;
  for (let causes = 1; cause; causes++, cause = cause.cause) {
    if (causes <= limits.causes) continue;
    context.issues.push({
      code: 'custom',
      message: `more than ${limits.causes} causes`,
      input: error,
      continue: false,
    });
    break;
  }
  return error;
}, Checked);
