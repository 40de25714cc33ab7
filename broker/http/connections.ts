import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { limits } from '../../protocol/limits.ts';
import type { PeerLimits } from '../peer-limits.ts';

/** A body up to this size is not counted: even one on every connection of a peer is less than its share. */
const SMALL_BODY = 32 * 1024;

/** What one connection has going on. */
interface Connection {
  /** Whose token came over it first: behind a proxy others may follow, and count for that one. */
  holder: string | undefined;
  requests: number;
  /** Of their bodies. */
  bytes: number;
}

/**
 * Whose connections these are, and how much each has under way. Who has no valid token shares a number of connections
 * with all other strangers, and the newest takes the place of the oldest: that one had its time, and a flood of them
 * cannot shut out somebody who comes with a token.
 */
export class Connections {
  readonly #limits: PeerLimits;
  /** Oldest first. */
  readonly #strangers = new Set<Duplex>();
  readonly #open = new Map<Duplex, Connection>();
  /** By token holder. */
  readonly #connections = new Map<string, number>();
  readonly #streams = new Map<string, number>();
  readonly #bodies = new Map<string, number>();

  constructor(limits: PeerLimits) {
    this.#limits = limits;
  }

  /** A connection was opened. */
  opened(socket: Duplex): void {
    this.#open.set(socket, { holder: undefined, requests: 0, bytes: 0 });
    this.#strangers.add(socket);
    // Each request that waits may watch for the end of its connection.
    socket.setMaxListeners(this.#limits.pipelined + 20);
    socket.once('close', () => this.#closed(socket));
    if (this.#strangers.size <= this.#limits.strangers) return;
    const [oldest] = this.#strangers;
    this.#strangers.delete(oldest!);
    oldest!.destroy();
  }

  /**
   * A valid token came over this connection.
   * @throws RunaboutError `too-many-requests`
   */
  known(socket: Duplex, holder: string): void {
    const connection = this.#open.get(socket);
    if (!connection || connection.holder !== undefined) return;
    const { connections } = this.#limits;
    if ((this.#connections.get(holder) ?? 0) >= connections) {
      throw tooMany(`more than ${connections} connections are open`);
    }
    this.#strangers.delete(socket);
    connection.holder = holder;
    add(this.#connections, holder, 1);
  }

  /**
   * A request begins. It counts until its answer is closed, and so does its body if it is to be held in memory.
   * @throws RunaboutError `too-many-requests`
   */
  requested({ socket, headers }: IncomingMessage, answered: ServerResponse, holdsBody: boolean): void {
    const connection = this.#open.get(socket);
    if (!connection) return;
    const { pipelined, bodyBytes } = this.#limits;
    const { holder } = connection;
    const size = holdsBody ? bodySize(headers) : 0;
    const bytes = size > SMALL_BODY && holder !== undefined ? size : 0;
    connection.requests += 1;
    connection.bytes += bytes;
    const sum = bytes > 0 ? add(this.#bodies, holder!, bytes) : 0;
    answered.once('close', () => {
      connection.requests -= 1;
      // A connection that has closed gave back all at once: of answers that still queued it says nothing.
      if (bytes === 0 || !this.#open.has(socket)) return;
      connection.bytes -= bytes;
      add(this.#bodies, holder!, -bytes);
    });
    if (connection.requests > pipelined) {
      throw tooMany(`more than ${pipelined} requests wait for an answer on one connection`);
    }
    if (sum > bodyBytes) throw tooMany(`bodies of more than ${bodyBytes} bytes are under way`);
  }

  /**
   * An event stream begins.
   * @throws RunaboutError `too-many-requests`
   */
  streamed(socket: Duplex, holder: string): void {
    const { streams } = this.#limits;
    if ((this.#streams.get(holder) ?? 0) >= streams) throw tooMany(`more than ${streams} event streams are open`);
    add(this.#streams, holder, 1);
    socket.once('close', () => add(this.#streams, holder, -1));
  }

  #closed(socket: Duplex): void {
    const connection = this.#open.get(socket);
    this.#open.delete(socket);
    this.#strangers.delete(socket);
    if (connection?.holder === undefined) return;
    add(this.#connections, connection.holder, -1);
    add(this.#bodies, connection.holder, -connection.bytes);
  }
}

/** What a body may come to; one without a length is taken for the largest. */
function bodySize(headers: IncomingMessage['headers']): number {
  if (headers['content-length'] !== undefined) return Number(headers['content-length']);
  return headers['transfer-encoding'] === undefined ? 0 : limits.restBody;
}

/** The new sum. What is nothing is not remembered. */
function add(sums: Map<string, number>, key: string, by: number): number {
  const sum = (sums.get(key) ?? 0) + by;
  if (sum === 0) sums.delete(key);
  else sums.set(key, sum);
  return sum;
}

function tooMany(what: string): RunaboutError {
  return new RunaboutError('too-many-requests', `Of your token, ${what}.`, {
    hint: 'Close what you do not need, or try again later.',
  });
}
