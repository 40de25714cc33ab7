import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { WebSocket } from 'ws';
import {
  AgentToManager,
  type ManagerMessage,
  type ManagerWelcome,
  Rendezvous,
} from '../../protocol/agent-manager/messages.ts';
import { Batcher } from '../../protocol/batcher.ts';
import { closeCodes, closeReason } from '../../protocol/close-codes.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { decodeFrame } from '../../protocol/frames.ts';
import { limits } from '../../protocol/limits.ts';

export interface LinkHandlers {
  /** What to say first on every new connection. */
  hello(): { header: ManagerMessage; payload: Uint8Array };
  welcomed(welcome: ManagerWelcome): void;
  take(message: Exclude<AgentToManager, { t: 'welcome' | 'beat-ok' }>, payload: Uint8Array): void;
  /** There is no agent to work for any more. */
  orphaned(reason: string): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** Until an agent says how long a manager may live without it. */
const ORPHAN_MS = 30_000;
/** Output that is held while there is no connection, in bytes; what is over is dropped. */
const HELD_BYTES = 4 * 1024 * 1024;
const MISSED_BEATS = 3;

/** The manager's connection to its agent, over as many sockets as it takes. */
export class AgentLink {
  readonly #file: string;
  readonly #log: Logger;
  readonly #handlers: LinkHandlers;
  #socket: WebSocket | undefined;
  #batcher: Batcher | undefined;
  #welcomed = false;
  #held: [ManagerMessage, Uint8Array | undefined][] = [];
  #heldBytes = 0;
  #beats: NodeJS.Timeout | undefined;
  #unanswered = 0;
  #beat = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #orphan: NodeJS.Timeout | undefined;
  #orphanMs = ORPHAN_MS;
  #closed = false;

  /** @param file the {@link Rendezvous} of the agent */
  constructor(file: string, log: Logger, handlers: LinkHandlers) {
    this.#file = file;
    this.#log = log;
    this.#handlers = handlers;
    this.#awaitAgent();
    this.#connect();
  }

  /** Says something to the agent; while there is none only output is held, since the rest is told anew by `welcomed`. */
  send(message: ManagerMessage, payload?: Uint8Array): void {
    if (this.#welcomed) {
      this.#batcher!.add(message, payload);
    } else if (message.t === 'output' && this.#heldBytes + (payload?.length ?? 0) <= HELD_BYTES) {
      this.#held.push([message, payload]);
      this.#heldBytes += payload?.length ?? 0;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#orphan);
    clearInterval(this.#beats);
    this.#batcher?.flush();
    this.#socket?.close(closeCodes.bye, 'the manager stops');
  }

  #connect(): void {
    let rendezvous: Rendezvous;
    try {
      rendezvous = Rendezvous.parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch (error) {
      // An agent that stops in order takes its file away.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#handlers.orphaned('The agent has stopped.');
      else this.#again();
      return;
    }
    const socket = new WebSocket(`${rendezvous.url.replace(/^http/, 'ws')}/v1/manager`, {
      headers: { authorization: `Bearer ${rendezvous.token}` },
      maxPayload: limits.frame,
      perMessageDeflate: false,
      handshakeTimeout: 5_000,
    });
    this.#socket = socket;
    const batcher = new Batcher(frame => socket.send(frame));
    socket.on('open', () => {
      const { header, payload } = this.#handlers.hello();
      batcher.add(header, payload);
      batcher.flush();
    });
    socket.on('message', (data: Buffer) => {
      if (socket.readyState !== socket.OPEN) return;
      try {
        for (const { header, payload } of decodeFrame(data)) this.#take(AgentToManager.parse(header), payload, batcher);
      } catch (error) {
        this.#log.error({ error: String(error) }, 'The agent sent what this manager does not understand.');
        socket.close(closeCodes.protocol, closeReason(error));
      }
    });
    // The reason arrives with `close`, which always follows.
    socket.on('error', () => {});
    socket.once('close', () => this.#lost(batcher));
  }

  #take(message: AgentToManager, payload: Uint8Array, batcher: Batcher): void {
    if (message.t === 'beat-ok') {
      this.#unanswered = 0;
      return;
    }
    if (message.t !== 'welcome') {
      if (!this.#welcomed) throw new RunaboutError('request-invalid', `${message.t} comes before welcome.`);
      this.#handlers.take(message, payload);
      return;
    }
    if (this.#welcomed) throw new RunaboutError('request-invalid', 'welcome comes once.');
    clearTimeout(this.#orphan);
    this.#orphanMs = message.orphanMs;
    this.#failures = 0;
    this.#unanswered = 0;
    this.#batcher = batcher;
    this.#welcomed = true;
    this.#beats = setInterval(() => this.#sendBeat(), message.beatMs);
    // Output goes before the ends that `welcomed` tells anew.
    for (const [held, bytes] of this.#held) batcher.add(held, bytes);
    this.#held = [];
    this.#heldBytes = 0;
    this.#handlers.welcomed(message);
  }

  #sendBeat(): void {
    if (++this.#unanswered > MISSED_BEATS) this.#socket?.terminate();
    else this.send({ t: 'beat', n: ++this.#beat });
  }

  #lost(batcher: Batcher): void {
    batcher.close();
    clearInterval(this.#beats);
    if (this.#closed) return;
    if (this.#welcomed) {
      this.#log.warn('The connection to the agent broke.');
      this.#awaitAgent();
    }
    this.#welcomed = false;
    this.#again();
  }

  #again(): void {
    if (this.#closed) return;
    const pause = Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.#connect(), pause);
  }

  #awaitAgent(): void {
    clearTimeout(this.#orphan);
    this.#orphan = setTimeout(
      () => this.#handlers.orphaned(`The agent has been gone for ${this.#orphanMs} ms.`),
      this.#orphanMs,
    );
  }
}
