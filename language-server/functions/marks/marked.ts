import type { FunctionKind } from '../../../protocol/client-broker/functions.ts';
import type { Span } from './source.ts';

/** One thing that is wrong with a mark or with the function it stands on. */
export interface MarkProblem {
  /** An error keeps the function from running; a warning does not; a hint is advice. */
  severity: 'error' | 'warning' | 'hint';
  /** Stable, for tests and for "learn more". */
  code:
    | 'mark-misplaced'
    | 'mark-twice'
    | 'no-body'
    | 'not-const'
    | 'instance-method'
    | 'uses-this'
    | 'nested'
    | 'hidden'
    | 'captures'
    | 'mutable-state'
    | 'setting-unknown'
    | 'setting-malformed'
    | 'setting-twice'
    | 'example-not-a-call';
  message: string;
  span: Span;
  fixes: Fix[];
}

/** A change that mends a problem. */
export interface Fix {
  title: string;
  edits: { span: Span; newText: string }[];
}

/** A call written as `@example`, with its arguments as values. */
export interface Example {
  /** As written, in one line. */
  text: string;
  args: unknown[];
  span: Span;
}

export interface MarkSettings {
  /** Name of the endpoint to run on. */
  endpoint?: string;
  /** How long one attempt may run, in milliseconds. */
  timeoutMs?: number;
}

/** A function that a person marked with `@remote`. Spans are offsets in its document. */
export interface Marked {
  /** As in `file.ts#name`: `mean`, `Stats.mean`, and `default` for a default export without a name. */
  name: string;
  kind: FunctionKind;
  /** How the bundle gets hold of it. */
  access: 'name' | 'static-method' | 'anonymous-default';
  /** What its module puts its exports on when that is CommonJS; absent for an ES module. */
  exportsOn?: string;
  /** The whole declaration without its comment; the name in it (for an anonymous one: where it begins); the tag. */
  span: Span;
  nameSpan: Span;
  tagSpan: Span;
  /** What stands in the braces, or the expression of an arrow. */
  bodySpan: Span;
  /** The parameter list and result type as written, in one line: `(xs: number[]): number`. */
  signature: string;
  takesArguments: boolean;
  /** The text of its JSDoc before the first tag. */
  description: string | undefined;
  settings: MarkSettings;
  examples: Example[];
  problems: MarkProblem[];
}

/** Whether it may be bundled and run. */
export function isRunnable(marked: Marked): boolean {
  return marked.problems.every(problem => problem.severity !== 'error');
}
