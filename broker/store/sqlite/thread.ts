// The thread of the store: SQLite is synchronous, and its fsyncs would stop every socket of the broker.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { RunaboutError } from '../../../protocol/errors/error.ts';
import { Gathering } from '../../../protocol/gathering.ts';
import type { CommitNotice, StorePolicy } from '../contract.ts';
import { decode, encode } from './channel.ts';
import { type Call, SqliteEngine } from './engine.ts';

/** What the thread is started with. */
export interface ThreadData {
  file: string;
  policy: StorePolicy;
}

/** From the broker: calls in order (encoded `Call[]`), or that it closes. */
export type ToThread = Uint8Array | 'close';

/** An error loses its class on the way between threads. */
export type PlainError = Pick<RunaboutError, 'code' | 'message'> & { hint?: string; path?: string };
export type PlainReply = { ok: true; value: unknown } | { ok: false; error: PlainError };

/** The replies to the oldest calls, and what their commit changed. */
export interface Committed {
  replies: PlainReply[];
  notice: CommitNotice;
}

/** To the broker: it is open, an encoded `Committed`, or that it is closed. */
export type FromThread = 'open' | 'closed' | Uint8Array;

const toPlain = ({ code, message, hint, path }: RunaboutError): PlainError => ({
  code,
  message,
  ...(hint ? { hint } : {}),
  ...(path ? { path } : {}),
});

/** Events of one commit from which on they gather, and for how many milliseconds at the most. */
const LARGE = 64;
const GATHER_MS = 4;

function serve(port: MessagePort, { file, policy }: ThreadData): void {
  const engine = new SqliteEngine(file, policy);
  let waiting: Call[] = [];
  let closing = false;
  let pause: NodeJS.Timeout | undefined;
  const gathering = new Gathering(LARGE, GATHER_MS);

  const take = (message: ToThread) => {
    if (message === 'close') closing = true;
    else waiting.push(...(decode(message) as Call[]));
  };
  const run = () => {
    pause = undefined;
    // What came in while the last transaction was committed, or paused for, forms the next one.
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) take(next.message);
    if (waiting.length > 0) {
      const { replies, notice, changes } = engine.run(waiting);
      waiting = [];
      gathering.left(changes);
      const plain = replies.map(reply => (reply.ok ? reply : { ok: false as const, error: toPlain(reply.error) }));
      const bytes = encode({ replies: plain, notice } satisfies Committed);
      port.postMessage(bytes satisfies FromThread, [bytes.buffer]);
    }
    if (closing) {
      engine.close();
      port.postMessage('closed' satisfies FromThread);
      port.close();
    }
  };
  port.on('message', (message: ToThread) => {
    take(message);
    if (pause) return;
    const wait = closing ? 0 : gathering.wait;
    if (wait > 0) pause = setTimeout(run, wait);
    else run();
  });
  port.postMessage('open' satisfies FromThread);
}

serve(parentPort!, workerData as ThreadData);
