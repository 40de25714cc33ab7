// The thread of the store: SQLite is synchronous, and its fsyncs would stop every socket of the broker.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { RunaboutError } from '../../../protocol/errors/error.ts';
import type { CommitNotice, StorePolicy } from '../contract.ts';
import { type Call, SqliteEngine } from './engine.ts';

/** What the thread is started with. */
export interface ThreadData {
  file: string;
  policy: StorePolicy;
}

/** From the broker: calls in order, or that it closes. */
export type ToThread = Call[] | 'close';

/** An error loses its class on the way between threads. */
export type PlainError = Pick<RunaboutError, 'code' | 'message'> & { hint?: string; path?: string };
export type PlainReply = { ok: true; value: unknown } | { ok: false; error: PlainError };

/** To the broker: it is open, the replies to the oldest calls, or that it is closed. */
export type FromThread = 'open' | 'closed' | { replies: PlainReply[]; notice: CommitNotice };

const toPlain = ({ code, message, hint, path }: RunaboutError): PlainError => ({
  code,
  message,
  ...(hint ? { hint } : {}),
  ...(path ? { path } : {}),
});

function serve(port: MessagePort, { file, policy }: ThreadData): void {
  const engine = new SqliteEngine(file, policy);
  port.on('message', (first: ToThread) => {
    // Everything that came in while the last transaction was committed forms the next one.
    const calls: Call[] = [];
    let closing = false;
    for (let next: { message: ToThread } | undefined = { message: first }; next; next = receiveMessageOnPort(port)) {
      if (next.message === 'close') closing = true;
      else calls.push(...next.message);
    }
    if (calls.length > 0) {
      const { replies, notice } = engine.run(calls);
      const plain = replies.map(reply => (reply.ok ? reply : { ok: false as const, error: toPlain(reply.error) }));
      port.postMessage({ replies: plain, notice } satisfies FromThread);
    }
    if (closing) {
      engine.close();
      port.postMessage('closed' satisfies FromThread);
      port.close();
    }
  });
  port.postMessage('open' satisfies FromThread);
}

serve(parentPort!, workerData as ThreadData);
