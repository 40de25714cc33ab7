import { RunaboutError } from '../../protocol/errors/error.ts';
import {
  Compiler,
  checkCaptures,
  findMarks,
  type MarkProblem,
  parametersOf,
  parseSource,
  type Schema,
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
  readonly #schemas = new Map<string, Promise<Schema>>();
  #generation = 0;

  /** Files have changed: what was answered may no longer hold. */
  invalidate(): void {
    this.#generation += 1;
  }

  /** JSON Schema of the argument array of the function whose mark stands at `tagStart`. */
  schemaOf(file: string, text: string, tagStart: number, overlays: ReadonlyMap<string, string>): Promise<Schema> {
    const others = [...overlays].filter(([name]) => name !== file);
    const key = JSON.stringify([this.#generation, file, tagStart, text, others]);
    let schema = this.#schemas.get(key);
    if (!schema) {
      schema = this.#thread.ask({ ask: 'schema', file, text, tagStart, overlays }).then(schemaIn);
      this.#schemas.set(key, schema);
      schema.catch(() => this.#schemas.delete(key));
      if (this.#schemas.size > MAX_ANSWERS) this.#schemas.delete(this.#schemas.keys().next().value!);
    }
    return schema;
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
