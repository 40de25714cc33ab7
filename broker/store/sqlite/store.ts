import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { programUrl } from '../../../protocol/entries.ts';
import { asRunaboutError, RunaboutError } from '../../../protocol/errors/error.ts';
import { type BrokerStore, type CommitNotice, defaultPolicy, type StorePolicy, type Verb } from '../contract.ts';
import { decode, encode } from './channel.ts';
import type { Call } from './engine.ts';
import type { Committed, FromThread, ThreadData, ToThread } from './thread.ts';
import { verbs } from './verbs.ts';

/** Node runs the thread's source as it is; the bundled broker has the thread's bundle beside it. */
const threadUrl = () =>
  import.meta.url.endsWith('.ts') ? new URL('./thread.ts', import.meta.url) : programUrl('sqlite-store');

/** The policy alone, of whatever else the options hold. */
function completePolicy(options: Partial<StorePolicy>): StorePolicy {
  const policy = Object.keys(defaultPolicy).map(key => [key, options[key as keyof StorePolicy]]);
  return { ...defaultPolicy, ...Object.fromEntries(policy.filter(([, value]) => value !== undefined)) };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: RunaboutError): void;
}

/**
 * Opens the store in a file, in a thread of its own.
 * @throws RunaboutError `broker-internal` when the file cannot be opened, is damaged, or of a newer version
 */
export async function openSqliteStore(file: string, policy: Partial<StorePolicy> = {}): Promise<BrokerStore> {
  const worker = new Worker(threadUrl(), {
    workerData: { file, policy: completePolicy(policy) } satisfies ThreadData,
  });
  try {
    await once(worker, 'message');
  } catch (cause) {
    throw new RunaboutError('broker-internal', `The store ${file} cannot be opened: ${(cause as Error).message}.`, {
      hint: 'Check the data folder and its permissions.',
      cause,
    });
  }
  return new ThreadStore(worker) as unknown as BrokerStore;
}

/** Sends calls to the thread, those of one turn of the event loop together, and hands out its replies in order. */
class ThreadStore {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  readonly #listeners: ((notice: CommitNotice) => void)[] = [];
  readonly #failure = Promise.withResolvers<RunaboutError>();
  readonly failed = this.#failure.promise;
  #next: Call[] = [];
  #closed: RunaboutError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message: FromThread) => {
      if (typeof message !== 'string') this.#receive(decode(message) as Committed);
    });
    worker.on('error', error => this.#fail(`with an error: ${error.message}`));
    worker.on('exit', code => this.#fail(`with exit code ${code}`));
    for (const verb of Object.keys(verbs) as Verb[]) {
      Object.defineProperty(this, verb, { value: (request: unknown) => this.#call({ verb, request }) });
    }
  }

  onCommit(listener: (notice: CommitNotice) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = new RunaboutError('broker-stopping', 'The broker is stopping.');
    this.#send();
    const exit = once(this.#worker, 'exit');
    this.#worker.postMessage('close' satisfies ToThread);
    await exit;
  }

  #call(call: Call): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#next.length === 0) setImmediate(() => this.#send());
    this.#next.push(call);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #send(): void {
    if (this.#next.length === 0) return;
    const calls = this.#next;
    this.#next = [];
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = encode(calls);
    } catch {
      bytes = encode(this.#sendable(calls));
    }
    this.#worker.postMessage(bytes satisfies ToThread, [bytes.buffer]);
  }

  /** The last calls without those that cannot be encoded: they fail alone, not the others of their turn with them. */
  #sendable(calls: readonly Call[]): Call[] {
    const waiting = this.#waiting.splice(-calls.length);
    return calls.filter((call, i) => {
      try {
        encode(call);
      } catch (cause) {
        waiting[i]!.reject(asRunaboutError(cause, 'broker-internal', `The store cannot take this ${call.verb}`));
        return false;
      }
      this.#waiting.push(waiting[i]!);
      return true;
    });
  }

  #receive({ replies, notice }: Committed): void {
    for (const reply of replies) {
      const waiting = this.#waiting.shift()!;
      if (reply.ok) waiting.resolve(reply.value);
      else waiting.reject(new RunaboutError(reply.error.code, reply.error.message, reply.error));
    }
    if (Object.keys(notice.heads).length === 0) return;
    // After all that waited for these replies went on: who just opened a session has to hear of a cancel beside it.
    setImmediate(() => {
      for (const listener of this.#listeners) listener(notice);
    });
  }

  /** The thread has ended. Unless that was asked for, nothing can be stored any more. */
  #fail(how: string): void {
    if (!this.#closed) {
      this.#closed = new RunaboutError('broker-stopping', `The broker stops: its store ended ${how}.`, {
        hint: 'Start it again; nothing that was acknowledged is lost.',
      });
      this.#failure.resolve(this.#closed);
    }
    for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
  }
}
