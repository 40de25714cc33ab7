/**
 * How much of this process one peer may take, honest or not. Sizes of single bodies and messages are in
 * `protocol/limits.ts`; these bound how many of them there are at once, and for how long. Times in milliseconds.
 */
export interface PeerLimits {
  /** For the headers of a request, from the first byte or from the opening of the connection. */
  headersMs: number;
  /** For a whole request, its body included. */
  requestMs: number;
  /** Between the pings of an event stream; one that leaves two of them unanswered is closed. */
  pingMs: number;
  /** For the answer to a close. Who does not read gives none, and is ended then. */
  closeMs: number;
  /** Connections over which no valid token has come yet, of all addresses together: then the oldest makes room. */
  strangers: number;
  /** Connections of one token holder, sockets included. */
  connections: number;
  /** Event streams of one token holder. */
  streams: number;
  /** Requests on one connection that wait for their answers. */
  pipelined: number;
  /** Bytes of request bodies of one token holder that are being received or worked on. */
  bodyBytes: number;
  /** Bytes that wait for the reader of an event stream; with more, it gets one frame at a time. */
  streamBytes: number;
  /** Bytes that wait for an agent to read them, or that an agent sent and that are not committed yet. */
  sessionBytes: number;
}

const MiB = 1024 * 1024;

export const defaultPeerLimits: PeerLimits = {
  headersMs: 10_000,
  requestMs: 300_000,
  pingMs: 15_000,
  closeMs: 5_000,
  strangers: 1_024,
  connections: 1_024,
  streams: 100,
  pipelined: 128,
  bodyBytes: 64 * MiB,
  streamBytes: MiB,
  sessionBytes: 32 * MiB,
};
