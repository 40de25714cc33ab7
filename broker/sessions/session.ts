import type { WebSocket } from 'ws';
import { Batcher } from '../../protocol/batcher.ts';
import { AgentMessage, type Cancel, Have, PROTO, type Reconciled } from '../../protocol/broker-agent/messages.ts';
import { closeCodes } from '../../protocol/close-codes.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { decodeFrame, type Message } from '../../protocol/frames.ts';
import { parseJson } from '../../protocol/json.ts';
import { limits } from '../../protocol/limits.ts';
import { invalidIfTypeError } from '../../protocol/zod-failure.ts';
import type { Services } from '../services.ts';
import { closeFor, firstIssue } from '../sockets.ts';
import type { AttemptRef, SessionRef } from '../store/contract.ts';
import { Dispatcher } from './dispatcher.ts';
import { checkInSession, Inbox } from './inbox.ts';
import { reconcile } from './reconcile.ts';

/** Frames whose effects are not committed yet, above which the socket is not read further. */
const MOST_PENDING = 32;

export interface SessionIdentity {
  endpoint: string;
  name: string;
  /** Who owns the endpoint, and so the tasks on it. */
  owner: string;
  tokenHash: string;
}

/**
 * One connected agent. Its life: `hello` → the store takes the endpoint over (epoch + 1) and reconciles → `welcome`,
 * what has to be sent again → open, until the socket closes. Every change goes to the store with the epoch, which
 * refuses it once a newer session is there; messages leave only after their commit.
 */
export class AgentSession {
  readonly endpoint: string;
  readonly #identity: SessionIdentity;
  readonly #socket: WebSocket;
  readonly #services: Services;
  readonly #batcher: Batcher;
  /** What came between `hello` and `welcome`. */
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  readonly #earlyCancels: AttemptRef[] = [];
  #state: 'new' | 'opening' | 'open' | 'closed' = 'new';
  #ref: SessionRef | undefined;
  #dispatcher: Dispatcher | undefined;
  #inbox: Inbox | undefined;
  #pending = 0;
  #pendingBytes = 0;
  #cancelTimer: () => void;

  constructor(socket: WebSocket, identity: SessionIdentity, services: Services) {
    this.endpoint = identity.endpoint;
    this.#identity = identity;
    this.#socket = socket;
    this.#services = services;
    this.#batcher = new Batcher(frame => {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > services.settings.peers.sessionBytes) this.#overload('nothing is read');
      else socket.send(frame, () => this.#dispatcher?.drained());
    });
    this.#cancelTimer = services.clock.after(services.settings.helloTimeoutMs, () =>
      this.close(closeCodes.protocol, 'request-invalid: no hello in time'),
    );
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    // `close` follows and says it all.
    socket.on('error', () => {});
    socket.once('close', () => this.#ended());
  }

  get epoch(): number | undefined {
    return this.#ref?.epoch;
  }

  /** Tasks may be waiting. */
  pump(): void {
    this.#dispatcher?.pump();
  }

  /** Asks the agent to stop an attempt. */
  cancel({ task, attempt }: AttemptRef): void {
    if (this.#state === 'opening') {
      this.#earlyCancels.push({ task, attempt });
      return;
    }
    const message: Cancel = { t: 'cancel', task, attempt, reason: 'Somebody cancelled it.' };
    this.#batcher.add(message);
    this.#batcher.flush();
  }

  close(code: number, reason: string): void {
    this.#batcher.flush();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#state === 'opening') {
      this.#early.push(data);
      this.#earlyBytes += data.length;
      if (this.#earlyBytes > limits.frame || this.#early.length > MOST_PENDING) this.#overload('wait for welcome');
      return;
    }
    try {
      if (!isBinary) throw new RunaboutError('frame-invalid', 'Frames are binary.');
      const messages = decodeFrame(data).map(checked);
      if (this.#state === 'new') this.#hello(messages);
      else if (this.#inbox) this.#take(this.#inbox, messages, data.length);
    } catch (error) {
      closeFor(this.#socket, error, this.#services.log);
    }
  }

  /** Stops reading while too much waits for its commit, so that a fast agent cannot fill the memory. */
  #take(inbox: Inbox, messages: CheckedMessage[], bytes: number): void {
    for (const message of messages) checkInSession(message);
    this.#pending += 1;
    this.#pendingBytes += bytes;
    if (this.#isFull) this.#socket.pause();
    inbox
      .take(messages)
      .catch(error => this.#failed(error))
      .finally(() => {
        const wasFull = this.#isFull;
        this.#pending -= 1;
        this.#pendingBytes -= bytes;
        if (wasFull && !this.#isFull) this.#socket.resume();
      });
  }

  get #isFull(): boolean {
    return this.#pending >= MOST_PENDING || this.#pendingBytes > this.#services.settings.peers.sessionBytes;
  }

  /** Who does not read would not read the close either: its socket ends soon after (see ../http/upgrade.ts). */
  #overload(why: string): void {
    this.#batcher.close();
    this.#socket.close(closeCodes.overload, `too-many-requests: ${why}`);
  }

  #failed(error: unknown): void {
    if (this.#socket.readyState === this.#socket.OPEN) closeFor(this.#socket, error, this.#services.log);
  }

  #hello(messages: CheckedMessage[]): void {
    const [first, ...rest] = messages;
    const hello = first?.header;
    if (hello?.t !== 'hello') throw new RunaboutError('request-invalid', 'The first message is hello.');
    if (hello.proto !== PROTO) {
      throw new RunaboutError('proto-unsupported', `This broker speaks version ${PROTO}, not ${hello.proto}.`);
    }
    if (rest.length > 0) throw new RunaboutError('request-invalid', 'Nothing follows hello before welcome.');
    const have = first!.payload.length > 0 ? Have.parse(parseJson(Buffer.from(first!.payload).toString('utf8'))) : [];
    this.#cancelTimer();
    this.#state = 'opening';
    this.#open(hello, have).catch(error => this.#failed(error));
  }

  async #open(hello: Extract<AgentMessage, { t: 'hello' }>, have: Have): Promise<void> {
    const { store, sessions, clock, settings, log } = this.#services;
    const { endpoint, name, tokenHash } = this.#identity;
    const { session, host, workers } = hello;
    const { leaseMs } = settings;
    const now = clock.now();
    const { epoch } = await store.openSession({ endpoint, tokenHash, session, host, workers, now, leaseMs });
    this.#ref = { endpoint, epoch };
    // From here on it hears of cancels.
    if (this.#state === 'opening') sessions.add(this);
    const reconciled = await reconcile(store, this.#ref, have, clock);
    if (this.#state !== 'opening') {
      await store.closeSession({ ...this.#ref, now: clock.now() });
      return;
    }
    if (reconciled === 'superseded') return this.#superseded();
    const { keep, drop, resend, cancels } = reconciled;
    log.info({ endpoint, name, epoch, keep: keep.length, drop: drop.length, resend: resend.length }, 'agent connected');
    const welcome = { t: 'welcome', proto: PROTO, epoch, leaseMs, endpoint: { id: endpoint, name } } as const;
    this.#batcher.add(welcome, Buffer.from(JSON.stringify({ keep, drop } satisfies Reconciled)));
    this.#dispatcher = new Dispatcher(this.#ref, this.#socket, this.#batcher, this.#services, error =>
      error === 'superseded' ? this.#superseded() : this.#failed(error),
    );
    this.#inbox = new Inbox(this.#ref, this.#identity.owner, this.#batcher, this.#services, {
      credit: add => this.#dispatcher?.credit(add),
      leaving: () => this.#dispatcher?.close(),
      bye: () => this.close(closeCodes.bye, 'bye'),
      superseded: () => this.#superseded(),
    });
    this.#dispatcher.send(resend);
    this.#state = 'open';
    for (const attempt of [...cancels, ...this.#earlyCancels.splice(0)]) this.cancel(attempt);
    this.#batcher.flush();
    for (const frame of this.#early.splice(0)) this.#receive(frame, true);
  }

  #superseded(): void {
    this.close(closeCodes.superseded, 'another session drives this endpoint now');
  }

  #ended(): void {
    const { store, sessions, clock, log } = this.#services;
    this.#state = 'closed';
    this.#cancelTimer();
    this.#batcher.close();
    this.#dispatcher?.close();
    sessions.remove(this);
    if (!this.#ref) return;
    log.info({ endpoint: this.endpoint, epoch: this.#ref.epoch }, 'agent disconnected');
    // A broker that stops closes its store meanwhile; `recover` sets the endpoint offline at the next start.
    store.closeSession({ ...this.#ref, now: clock.now() }).catch(() => {});
  }
}

export interface CheckedMessage {
  header: AgentMessage;
  payload: Uint8Array;
}

const types = new Set<string>(AgentMessage.options.map(option => option.shape.t.value));

function parse(header: Message['header']) {
  try {
    return AgentMessage.safeParse(header);
  } catch (error) {
    return invalidIfTypeError(error);
  }
}

/** @throws RunaboutError `message-unknown`, `request-invalid` */
function checked({ header, payload }: Message): CheckedMessage {
  const parsed = parse(header);
  if (parsed.success) return { header: parsed.data, payload };
  if (!types.has(header.t)) {
    throw new RunaboutError('message-unknown', `There is no message ${JSON.stringify(header.t).slice(0, 40)}.`);
  }
  throw new RunaboutError('request-invalid', `${header.t}: ${firstIssue(parsed.error)}`);
}
