import type { WebSocket } from 'ws';
import type { Batcher } from '../../protocol/batcher.ts';
import type { FunctionCode, Task } from '../../protocol/broker-agent/messages.ts';
import type { Services } from '../services.ts';
import type { Dispatch, SessionRef } from '../store/contract.ts';

/** Tasks in one claim. */
const CLAIM = 1024;
/** Bytes that wait in the socket, above which nothing more is claimed, and about as much as one claim takes. */
const MOST_BUFFERED = 8 * 1024 * 1024;
/** Credit beyond which an agent cannot mean it. */
const MOST_CREDIT = 1_000_000;

/**
 * Sends one session its tasks: as long as there is credit and room in the socket, it claims, waits for the commit, and
 * sends. Never the other way round, so that whatever an agent holds is on record as held.
 */
export class Dispatcher {
  readonly #ref: SessionRef;
  readonly #socket: WebSocket;
  readonly #batcher: Batcher;
  readonly #services: Services;
  readonly #fail: (error: unknown) => void;
  #credit = 0;
  #claiming = false;
  /** Something came in while a claim was on its way. */
  #again = false;
  #closed = false;
  #cancelTimer = () => {};

  constructor(
    ref: SessionRef,
    socket: WebSocket,
    batcher: Batcher,
    services: Services,
    fail: (error: unknown) => void,
  ) {
    this.#ref = ref;
    this.#socket = socket;
    this.#batcher = batcher;
    this.#services = services;
    this.#fail = fail;
  }

  credit(add: number): void {
    this.#credit = Math.min(MOST_CREDIT, this.#credit + add);
    this.pump();
  }

  /** The socket has sent something: there may be room again. */
  drained(): void {
    if (this.#again && !this.#claiming) this.pump();
  }

  pump(): void {
    this.#again = true;
    if (!this.#claiming) this.#claim().catch(error => this.#fail(error));
  }

  async #claim(): Promise<void> {
    const { store, clock } = this.#services;
    this.#claiming = true;
    this.#cancelTimer();
    try {
      while (this.#again && this.#credit > 0 && !this.#closed && this.#socket.bufferedAmount < MOST_BUFFERED) {
        this.#again = false;
        const limit = Math.min(this.#credit, CLAIM);
        const now = clock.now();
        const claimed = await store.claim({ ...this.#ref, now, limit, room: MOST_BUFFERED });
        if (claimed === 'superseded') return this.#fail('superseded');
        const { tasks, more, nextAt } = claimed;
        this.#credit -= tasks.length;
        this.send(tasks);
        if (more) this.#again = true;
        else if (nextAt !== undefined && !this.#closed) {
          this.#cancelTimer();
          this.#cancelTimer = clock.after(Math.max(1, nextAt - now), () => this.pump());
        }
      }
    } finally {
      this.#claiming = false;
    }
  }

  send(tasks: readonly Dispatch[]): void {
    if (this.#closed) return;
    // failpoint: broker.task.sending
    for (const { args, digest, mapDigest, name, kind, ...attempt } of tasks) {
      const { type, size } = args;
      const header: Omit<Task, keyof FunctionCode> = {
        t: 'task',
        ...attempt,
        args: 'blob' in args ? { type, size, blob: args.blob } : { type, size },
      };
      const code: FunctionCode = { digest, mapDigest, name, kind };
      this.#batcher.add(header, 'bytes' in args ? args.bytes : undefined, code);
    }
    this.#batcher.flush();
    // failpoint: broker.task.sent
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
  }
}
