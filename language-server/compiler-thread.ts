import { parentPort, Worker } from 'node:worker_threads';
import { RunaboutError } from '../protocol/errors/error.ts';
import { Compiler, parametersOf, type Schema } from './functions/index.ts';

interface Question {
  id: number;
  file: string;
  text: string;
  /** Where the mark's tag begins. */
  tagStart: number;
  overlays: [string, string][];
}

interface Answer {
  id: number;
  schema?: Schema;
  problem?: string;
}

/** Cached answers; older ones go first. */
const MAX_ANSWERS = 200;

/**
 * Parameter schemas, from a thread of its own: the type checker takes up to seconds, and lenses must not wait for it.
 * The thread runs the same bundle as the server and starts when it is first needed.
 */
export class CompilerThread {
  #worker: Worker | undefined;
  #nextId = 0;
  #generation = 0;
  readonly #waiting = new Map<number, { resolve: (schema: Schema) => void; reject: (error: unknown) => void }>();
  readonly #answers = new Map<string, Promise<Schema>>();

  /** Files have changed: what was answered may no longer hold. */
  invalidate(): void {
    this.#generation += 1;
  }

  /** JSON Schema of the argument array of the function whose mark stands at `tagStart`. */
  schemaOf(file: string, text: string, tagStart: number, overlays: ReadonlyMap<string, string>): Promise<Schema> {
    const key = JSON.stringify([
      this.#generation,
      file,
      tagStart,
      text,
      [...overlays].filter(([name]) => name !== file),
    ]);
    let answer = this.#answers.get(key);
    if (!answer) {
      answer = this.#ask({ id: this.#nextId++, file, text, tagStart, overlays: [...overlays] });
      this.#answers.set(key, answer);
      answer.catch(() => this.#answers.delete(key));
      if (this.#answers.size > MAX_ANSWERS) this.#answers.delete(this.#answers.keys().next().value!);
    }
    return answer;
  }

  async dispose(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(question: Question): Promise<Schema> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      this.#started().postMessage(question);
    });
  }

  #started(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(new URL(import.meta.url));
    // The server's end must not wait for this thread.
    worker.unref();
    worker.on('message', ({ id, schema, problem }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (schema) waiting?.resolve(schema);
      else
        waiting?.reject(
          new RunaboutError('bundle-failed', `The types of the parameters could not be read: ${problem}.`),
        );
    });
    const died = (why: string) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      const error = new RunaboutError('bundle-failed', `The types of the parameters could not be read: ${why}.`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    worker.on('error', error => died(error.message));
    worker.on('exit', code => died(`the compiler thread ended with ${code}`));
    this.#worker = worker;
    return worker;
  }
}

/** The other side: answers questions one by one. */
export function serveCompiler(): void {
  const compiler = new Compiler();
  parentPort!.on('message', ({ id, file, text, tagStart, overlays }: Question) => {
    const answer: Answer = { id };
    try {
      const checked = compiler.check(file, text, new Map(overlays));
      answer.schema = parametersOf(checked, { tagSpan: { start: tagStart, end: tagStart } });
    } catch (error) {
      answer.problem = error instanceof Error ? error.message : String(error);
    }
    parentPort!.postMessage(answer);
  });
}
