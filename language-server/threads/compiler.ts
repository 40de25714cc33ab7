import { RunaboutError } from '../../protocol/errors/error.ts';
import {
  Compiler,
  checkCaptures,
  findMarks,
  type Marked,
  type MarkProblem,
  parametersOf,
  parseSource,
  type Schema,
  type Span,
} from '../functions/index.ts';
import { answerQuestions, Thread } from './thread.ts';

type Question =
  | {
      ask: 'schema';
      file: string;
      text: string;
      /** Where the mark's tag begins. */
      tagStart: number;
      overlays: ReadonlyMap<string, string>;
    }
  | { ask: 'captures'; file: string; text: string };

type Answer = { schema: Schema } | { captures: MarkProblem[][] };

/** Cached answers; older ones go first. */
const MAX_ANSWERS = 200;

/**
 * What only the type checker knows, from a thread of its own: it takes up to seconds. The thread runs the same bundle as
 * the server.
 */
export class CompilerThread {
  readonly #thread = new Thread<Question, Answer>(
    new URL(import.meta.url),
    why => new RunaboutError('bundle-failed', `The types of the parameters could not be read: ${why}.`),
  );
  readonly #schemas = new Map<string, { file: string; schema: Promise<Schema> }>();

  /**
   * Files have changed: what was answered may no longer hold.
   * @param own the one file that has, when an editor holds its text: it was asked about by that text
   */
  invalidate(own?: string): void {
    for (const [key, { file }] of this.#schemas) if (file !== own) this.#schemas.delete(key);
  }

  /** JSON Schema of the argument array of a function. */
  schemaOf(
    file: string,
    text: string,
    marked: Pick<Marked, 'tagSpan' | 'bodySpan'>,
    overlays: ReadonlyMap<string, string>,
  ): Promise<Schema> {
    const tagStart = marked.tagSpan.start;
    const others = [...overlays].filter(([name]) => name !== file);
    const key = JSON.stringify([file, tagStart, withoutBody(file, text, marked.bodySpan), others]);
    let known = this.#schemas.get(key);
    if (!known) {
      const schema = this.#thread.ask({ ask: 'schema', file, text, tagStart, overlays }).then(schemaIn);
      known = { file, schema };
      this.#schemas.set(key, known);
      schema.catch(() => this.#schemas.delete(key));
      if (this.#schemas.size > MAX_ANSWERS) this.#schemas.delete(this.#schemas.keys().next().value!);
    }
    return known.schema;
  }

  /** What each marked function of a text captures, in the order of the functions. */
  async capturesOf(file: string, text: string): Promise<MarkProblem[][]> {
    const answer = await this.#thread.ask({ ask: 'captures', file, text });
    return 'captures' in answer ? answer.captures : [];
  }

  dispose(): Promise<void> {
    return this.#thread.dispose();
  }
}

/** In TypeScript the types of a function's parameters are those of its head, whatever its body does. */
function withoutBody(file: string, text: string, { start, end }: Span): string {
  return /\.[cm]?tsx?$/i.test(file) ? `${text.slice(0, start)}${text.slice(end)}` : text;
}

function schemaIn(answer: Answer): Schema {
  if ('schema' in answer) return answer.schema;
  throw new RunaboutError('bundle-failed', 'The types of the parameters could not be read.');
}

/** The other side. */
export function serveCompiler(): void {
  const compiler = new Compiler();
  answerQuestions<Question, Answer>(question => {
    if (question.ask === 'captures') {
      const source = parseSource(question.text, question.file);
      return { captures: [...checkCaptures(source, findMarks(source)).values()] };
    }
    const { file, text, tagStart, overlays } = question;
    try {
      const checked = compiler.check(file, text, overlays);
      return { schema: parametersOf(checked, { tagSpan: { start: tagStart, end: tagStart } }) };
    } catch (error) {
      if (error instanceof RunaboutError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new RunaboutError('bundle-failed', `The types of the parameters could not be read: ${why}.`);
    }
  });
}
