import { setPriority } from 'node:os';
import { parentPort, Worker } from 'node:worker_threads';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { BundleError } from '../functions/bundle/failure.ts';

type ToThread<Question> = { id: number; question: Question } | { id: number; cancel: true };

type FromThread<Answer> = { id: number } & ({ answer: Answer } | { failure: Failure });

/** An error on its way between threads, which keep no classes. */
type Failure =
  | { kind: 'bundle'; problems: BundleError['problems']; root: string }
  | { kind: 'runabout'; code: RunaboutError['code']; message: string; hint: string | undefined }
  | { kind: 'other'; name: string; message: string };

/**
 * A thread of its own that answers questions, so that lenses never wait for them. It starts with the first question, and
 * again with the next after it has died.
 */
export class Thread<Question, Answer> {
  readonly #program: URL;
  readonly #died: (why: string) => RunaboutError;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: unknown) => void }>();
  #worker: Worker | undefined;
  #nextId = 0;

  /** @param died makes the error of questions that a thread took with it */
  constructor(program: URL, died: (why: string) => RunaboutError) {
    this.#program = program;
    this.#died = died;
  }

  /** @throws what the thread threw; the reason of `signal` as soon as it is aborted, which the thread hears of too */
  async ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    const worker = this.#started();
    const id = this.#nextId++;
    const abort = () => {
      worker.postMessage({ id, cancel: true } satisfies ToThread<Question>);
      this.#waiting.get(id)?.reject(signal!.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        worker.postMessage({ id, question } satisfies ToThread<Question>);
      });
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', abort);
    }
  }

  async dispose(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#end(this.#died('the server stops'));
    await worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.#program);
    // The server's end must not wait for this thread.
    worker.unref();
    worker.on('message', (message: FromThread<Answer>) => {
      const waiting = this.#waiting.get(message.id);
      if ('answer' in message) waiting?.resolve(message.answer);
      else waiting?.reject(revived(message.failure));
    });
    const died = (why: string) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#end(this.#died(why));
    };
    worker.on('error', error => died(error.message));
    worker.on('exit', code => died(`its thread ended with ${code}`));
    this.#worker = worker;
    return worker;
  }

  #end(error: RunaboutError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}

/** The other side: answers the questions of the {@link Thread} that started this one. */
export function answerQuestions<Question, Answer>(
  answer: (question: Question, signal: AbortSignal) => Answer | Promise<Answer>,
): void {
  // A key goes first. On Linux this is the nice value of this thread and of what it starts; elsewhere of the whole process.
  if (process.platform === 'linux') setPriority(5);
  const port = parentPort!;
  const running = new Map<number, AbortController>();
  port.on('message', async (message: ToThread<Question>) => {
    const { id } = message;
    if ('cancel' in message) {
      running.get(id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    try {
      port.postMessage({ id, answer: await answer(message.question, controller.signal) } satisfies FromThread<Answer>);
    } catch (error) {
      port.postMessage({ id, failure: failureOf(error) } satisfies FromThread<Answer>);
    } finally {
      running.delete(id);
    }
  });
}

function failureOf(error: unknown): Failure {
  if (error instanceof BundleError) return { kind: 'bundle', problems: error.problems, root: error.root };
  if (error instanceof RunaboutError) {
    return { kind: 'runabout', code: error.code, message: error.message, hint: error.hint };
  }
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { kind: 'other', name, message };
}

function revived(failure: Failure): Error {
  switch (failure.kind) {
    case 'bundle':
      return new BundleError(failure.problems, failure.root);
    case 'runabout':
      return new RunaboutError(failure.code, failure.message, failure.hint ? { hint: failure.hint } : {});
    case 'other':
      return Object.assign(new Error(failure.message), { name: failure.name });
  }
}
