import type { Batcher } from '../../protocol/batcher.ts';
import type { BeatOk, Confirm, Output, Result, Stale } from '../../protocol/broker-agent/messages.ts';
import type { OutputChunk } from '../../protocol/client-broker/tasks.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { limits } from '../../protocol/limits.ts';
import { toJsonPayload } from '../../protocol/values/payload.ts';
import type { Services } from '../services.ts';
import type { AttemptRef, EndedAttempt, SessionRef, StoredValue } from '../store/contract.ts';
import { STEP } from './reconcile.ts';
import type { CheckedMessage } from './session.ts';

/** What the session does about messages that are not the store's. */
export interface InboxEffects {
  credit(add: number): void;
  /** The agent says bye: it is sent nothing more, least of all what it just gave back. */
  leaving(): void;
  bye(): void;
  superseded(): void;
}

type Chunk = { header: Output; payload: Uint8Array };

/**
 * Turns an agent's messages into verbs of the store. Neighbours of one type become one verb, and the start of an
 * attempt that ends in the same frame goes with its end: a frame of 64 short tasks is one change, not 128.
 */
export class Inbox {
  readonly #ref: SessionRef;
  readonly #owner: string;
  readonly #batcher: Batcher;
  readonly #services: Services;
  readonly #effects: InboxEffects;

  constructor(ref: SessionRef, owner: string, batcher: Batcher, services: Services, effects: InboxEffects) {
    this.#ref = ref;
    this.#owner = owner;
    this.#batcher = batcher;
    this.#services = services;
    this.#effects = effects;
  }

  /** Resolves when everything in these messages, which {@link checkInSession} passed, is committed and answered. */
  take(messages: readonly CheckedMessage[]): Promise<unknown> {
    const { store, clock } = this.#services;
    const now = clock.now();
    const done: Promise<unknown>[] = [];
    let credit = 0;
    const starts = new Map<string, AttemptRef & { startedAt: number }>();
    let results: CheckedMessage[] = [];
    let chunks: Chunk[] = [];

    // Everything below keeps the order of an attempt's messages: start, output, end.
    const flushOutput = () => {
      if (chunks.length > 0) done.push(this.#output(chunks));
      chunks = [];
    };
    const flushStarts = () => {
      if (starts.size > 0) done.push(this.#held(store.start({ ...this.#ref, now, attempts: [...starts.values()] })));
      starts.clear();
    };
    const flushResults = () => {
      flushOutput();
      const ended = results.map(({ header, payload }) => {
        const result = header as Result;
        return { result, payload, startedAt: starts.get(key(result))?.startedAt };
      });
      for (const { result } of ended) starts.delete(key(result));
      results = [];
      flushStarts();
      if (ended.length > 0) done.push(this.#results(ended, now));
    };

    for (const { header, payload } of messages) {
      switch (header.t) {
        case 'credit':
          credit += header.add;
          break;
        case 'accept':
          // The claim is the record; that the agent has it too shows in the next `hello`.
          break;
        case 'started':
          starts.set(key(header), { task: header.task, attempt: header.attempt, startedAt: now - header.ago });
          break;
        case 'output':
          if (starts.has(key(header))) flushStarts();
          if (results.length > 0) flushResults();
          chunks.push({ header, payload });
          break;
        case 'result':
          flushOutput();
          results.push({ header, payload });
          break;
        default:
          flushResults();
          done.push(this.#other(header, now));
      }
    }
    flushResults();
    if (credit > 0) this.#effects.credit(credit);
    return Promise.all(done);
  }

  #other(header: CheckedMessage['header'], now: number): Promise<unknown> {
    const { store, settings } = this.#services;
    const ref = this.#ref;
    switch (header.t) {
      case 'beat':
        return this.#held(store.beat({ ...ref, now, leaseMs: settings.leaseMs }), () => {
          const message: BeatOk = { t: 'beat-ok', n: header.n };
          this.#batcher.add(message);
          this.#batcher.flush();
        });
      case 'lost': {
        const { task, attempt, reason, workerDied } = header;
        return this.#held(store.lose({ ...ref, now, attempts: [{ task, attempt, reason, workerDied }] }));
      }
      case 'preparing': {
        const { task, attempt, text } = header;
        return this.#held(store.preparing({ ...ref, now, task, attempt, text }));
      }
      case 'status':
        return this.#held(store.setStatus({ ...ref, now, workers: header.workers, problem: header.problem }));
      case 'bye':
        this.#effects.leaving();
        return this.#release();
      default:
        return Promise.reject(new RunaboutError('request-invalid', `${header.t} is not expected here.`));
    }
  }

  async #release(): Promise<void> {
    const { store, clock } = this.#services;
    for (let more = true; more; ) {
      const released = await store.release({ ...this.#ref, now: clock.now(), limit: STEP });
      if (released === 'superseded') return this.#effects.superseded();
      more = released.more;
    }
    this.#effects.bye();
  }

  /** Goes on only if the session still holds its endpoint. */
  async #held(change: Promise<boolean>, then?: () => void): Promise<void> {
    if (await change) then?.();
    else this.#effects.superseded();
  }

  async #results(
    ended: { result: Result; payload: Uint8Array; startedAt: number | undefined }[],
    now: number,
  ): Promise<void> {
    const { store, hub } = this.#services;
    // failpoint: broker.result.received
    const large = ended.filter(({ payload }) => payload.length > limits.inlinePayload);
    const blobs = new Map<Result, string>();
    for (const { result, payload } of large) blobs.set(result, await this.#storeBlob(payload, now));
    const results = ended.map(({ result, payload, startedAt }): EndedAttempt => {
      const { task, attempt, outcome, error, timings } = result;
      return { task, attempt, outcome, error, timings, startedAt, value: toStored(result, payload, blobs.get(result)) };
    });
    const completed = store.complete({ ...this.#ref, now, results });
    hub.ending(this.#owner);
    const answers = await completed;
    if (answers === 'superseded') return this.#effects.superseded();
    // failpoint: broker.confirm.sending
    for (const [i, answer] of answers.entries()) {
      const { task, attempt } = results[i]!;
      if (answer === 'blob-unknown') {
        throw new RunaboutError('request-invalid', 'A result names a blob that was not uploaded.');
      }
      if (answer === 'queued') continue;
      const message: Confirm | Stale = { t: answer, task, attempt };
      // They leave after the events of this commit, for which somebody may be waiting.
      this.#batcher.add(message);
    }
    // failpoint: broker.confirm.sent
  }

  #storeBlob(payload: Uint8Array, now: number): Promise<string> {
    const { blobs, store } = this.#services;
    const holder = this.#ref.endpoint;
    return blobs.write(payload, digest => store.addBlob({ digest, size: payload.length, holder, now }));
  }

  async #output(chunks: readonly Chunk[]): Promise<void> {
    const { store, hub } = this.#services;
    const owners = await store.appendOutput({
      ...this.#ref,
      chunks: chunks.map(({ header: { task, attempt, seq, at, stream, type }, payload }) => ({
        task,
        attempt,
        seq,
        at,
        stream,
        ...(type ? { type } : {}),
        bytes: payload,
      })),
    });
    if (owners === 'superseded') return this.#effects.superseded();
    if (!hub.wantsOutput(this.#owner)) return;
    const byTask = new Map<string, OutputChunk[]>();
    for (const [i, chunk] of chunks.entries()) {
      if (owners[i] === null) continue;
      const { task } = chunk.header;
      byTask.set(task, [...(byTask.get(task) ?? []), toChunk(chunk)]);
    }
    for (const [task, list] of byTask) hub.output(this.#owner, { t: 'output', task, chunks: list });
  }
}

const key = ({ task, attempt }: AttemptRef) => `${task} ${attempt}`;

/**
 * What the schema of a message cannot say. A frame is checked whole before any of it takes effect.
 * @throws RunaboutError `request-invalid`
 */
export function checkInSession({ header, payload }: CheckedMessage): void {
  if (header.t === 'hello') throw new RunaboutError('request-invalid', 'hello comes once.');
  if (header.t !== 'result') return;
  const { outcome, value, error } = header;
  if (outcome === 'succeeded' ? !value : outcome === 'failed' && !error) {
    throw new RunaboutError(
      'request-invalid',
      `A result that ${outcome} says ${outcome === 'failed' ? 'why' : 'what'}.`,
    );
  }
  const expected = value && value.blob === undefined ? value.size : 0;
  if (payload.length !== expected) {
    throw new RunaboutError('request-invalid', `A result says ${expected} bytes and has ${payload.length}.`);
  }
}

function toStored({ value }: Result, payload: Uint8Array, storedAs: string | undefined): StoredValue | undefined {
  if (!value) return undefined;
  const { type, size } = value;
  const blob = value.blob ?? storedAs;
  return blob === undefined ? { type, size, bytes: payload } : { type, size, blob };
}

function toChunk({ header: { attempt, seq, at, stream, type }, payload }: Chunk): OutputChunk {
  return type === undefined
    ? { attempt, seq, at, stream, text: Buffer.from(payload).toString('utf8') }
    : { attempt, seq, at, stream, value: toJsonPayload({ type, bytes: payload }) };
}
