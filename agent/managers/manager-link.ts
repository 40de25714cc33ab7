import type { WebSocket } from 'ws';
import { type AgentToManager, type ManagerHello, ManagerMessage } from '../../protocol/agent-manager/messages.ts';
import { Batcher } from '../../protocol/batcher.ts';
import { closeCodes } from '../../protocol/close-codes.ts';
import { decodeFrame } from '../../protocol/frames.ts';
import type { Digest, Id } from '../../protocol/ids.ts';
import type { Attempt } from '../tasks/attempt.ts';
import type { Load } from '../tasks/placement.ts';

export const BEAT_MS = 1_000;
export const MISSED_BEATS = 3;

/** One connected manager, and the attempts it holds. */
export class ManagerLink implements Load {
  readonly id: Id;
  readonly slots: number;
  readonly #socket: WebSocket;
  readonly #batcher: Batcher;
  readonly #attempts = new Map<Id, Attempt>();
  readonly #warm = new Set<Digest>();
  #kept: [Id, number][] = [];
  #silent = 0;
  #watch: NodeJS.Timeout;
  unknown = 0;
  expectedMs = 0;
  /** As the manager says. */
  starting = 0;
  problem: string | undefined;

  constructor(
    hello: ManagerHello,
    socket: WebSocket,
    take: (message: Exclude<ManagerMessage, ManagerHello>, payload: Uint8Array) => void,
    invalid: (error: unknown) => void,
  ) {
    this.id = hello.manager;
    this.slots = hello.slots;
    this.starting = hello.slots;
    this.#socket = socket;
    this.#batcher = new Batcher(frame => socket.send(frame));
    socket.on('message', (data: Buffer) => {
      this.#silent = 0;
      try {
        for (const { header, payload } of decodeFrame(data)) {
          const message = ManagerMessage.parse(header);
          if (message.t === 'beat') this.send({ t: 'beat-ok', n: message.n });
          else if (message.t !== 'hello') take(message, payload);
        }
      } catch (error) {
        invalid(error);
        socket.close(closeCodes.protocol);
      }
    });
    this.#watch = setInterval(() => {
      if (++this.#silent > MISSED_BEATS) socket.terminate();
    }, BEAT_MS);
    socket.once('close', () => {
      clearInterval(this.#watch);
      this.#batcher.close();
    });
  }

  get held(): number {
    return this.#attempts.size;
  }

  isWarm(digest: Digest): boolean {
    return this.#warm.has(digest);
  }

  /** Counts an attempt to this manager, before it is sent. */
  hold(attempt: Attempt): void {
    this.#attempts.set(attempt.task, attempt);
    this.#warm.add(attempt.digest);
    if (Number.isFinite(attempt.expectedMs)) this.expectedMs += attempt.expectedMs;
    else this.unknown += 1;
  }

  release(attempt: Attempt): void {
    if (!this.#attempts.delete(attempt.task)) return;
    if (Number.isFinite(attempt.expectedMs)) this.expectedMs = Math.max(0, this.expectedMs - attempt.expectedMs);
    else this.unknown -= 1;
  }

  /** Tells the manager to forget an ending; those of one turn of the loop go as one message. */
  keep(task: Id, attempt: number): void {
    this.#kept.push([task, attempt]);
    if (this.#kept.length > 1) return;
    setImmediate(() => {
      this.send({ t: 'kept', tasks: this.#kept });
      this.#kept = [];
    });
  }

  send(message: AgentToManager, payload?: Uint8Array): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#batcher.add(message, payload);
  }

  close(): void {
    this.#batcher.flush();
    this.#socket.close(closeCodes.bye);
  }
}
