import type { WebSocket } from 'ws';
import {
  type AgentToManager,
  KEPT_MOST,
  type ManagerHello,
  ManagerMessage,
  type ManagerResult,
  type Run,
} from '../../protocol/agent-manager/messages.ts';
import { Batcher } from '../../protocol/batcher.ts';
import type { FunctionCode } from '../../protocol/broker-agent/messages.ts';
import { closeCodes, closeReason } from '../../protocol/close-codes.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { decodeFrame } from '../../protocol/frames.ts';
import type { Digest, Id } from '../../protocol/ids.ts';
import type { Attempt } from '../tasks/attempt.ts';
import type { Load } from '../tasks/placement.ts';

export const BEAT_MS = 1_000;
export const MISSED_BEATS = 3;
/** Bytes that may wait for a manager: a bundle of the largest size, and the arguments of many tasks. */
const MOST_BUFFERED = 256 * 1024 * 1024;

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

  /** @param tasksPerWorker how many tasks each of its workers runs at once */
  constructor(
    hello: ManagerHello,
    socket: WebSocket,
    take: (message: Exclude<ManagerMessage, ManagerHello>, payload: Uint8Array) => void,
    invalid: (error: unknown) => void,
    tasksPerWorker: number,
  ) {
    this.id = hello.manager;
    this.slots = hello.slots * tasksPerWorker;
    this.starting = hello.slots;
    this.#socket = socket;
    this.#batcher = new Batcher(frame => {
      if (socket.bufferedAmount > MOST_BUFFERED) {
        invalid(new Error('It does not read what it is sent.'));
        socket.close(closeCodes.overload, 'too-many-requests: nothing is read');
      } else socket.send(frame);
    });
    socket.on('message', (data: Buffer) => {
      if (socket.readyState !== socket.OPEN) return;
      this.#silent = 0;
      try {
        for (const { header, payload } of decodeFrame(data)) {
          const message = ManagerMessage.parse(header);
          if (message.t === 'hello') throw new RunaboutError('request-invalid', 'hello comes once.');
          if (message.t === 'result') checkValue(message, payload);
          if (message.t === 'beat') this.send({ t: 'beat-ok', n: message.n });
          else take(message, payload);
        }
      } catch (error) {
        invalid(error);
        socket.close(closeCodes.protocol, closeReason(error));
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

  /** Tells the manager to forget an ending; those of one turn of the loop go together. */
  keep(task: Id, attempt: number): void {
    this.#kept.push([task, attempt]);
    if (this.#kept.length > 1) return;
    setImmediate(() => {
      for (let at = 0; at < this.#kept.length; at += KEPT_MOST) {
        this.send({ t: 'kept', tasks: this.#kept.slice(at, at + KEPT_MOST) });
      }
      this.#kept = [];
    });
  }

  send(message: AgentToManager, payload?: Uint8Array): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#batcher.add(message, payload);
  }

  run(message: Omit<Run, keyof FunctionCode>, args: Uint8Array, code: FunctionCode): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#batcher.add(message, args, code);
  }

  close(): void {
    this.#batcher.flush();
    this.#socket.close(closeCodes.bye, 'the agent stops');
  }
}

/**
 * What the schema of a result cannot say. The broker checks the same, and would close the session for it, again and
 * again: it must not get into the journal.
 */
function checkValue({ outcome, value, error }: ManagerResult, { length }: Uint8Array): void {
  const isWhole = outcome === 'succeeded' ? value !== undefined : outcome !== 'failed' || error !== undefined;
  const expected = value && value.blob === undefined ? value.size : 0;
  if (!isWhole || length !== expected) throw new RunaboutError('request-invalid', 'A result is not whole.');
}
