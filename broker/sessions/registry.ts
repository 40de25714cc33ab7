import { closeCodes } from '../../protocol/close-codes.ts';
import type { BrokerStore, SessionRef } from '../store/contract.ts';
import type { AgentSession } from './session.ts';

/** The sessions of agents that are connected to this process: one per endpoint. */
export class SessionRegistry {
  readonly #sessions = new Map<string, AgentSession>();

  constructor(store: BrokerStore) {
    store.onCommit(({ ready, cancels }) => {
      for (const endpoint of ready) this.pump(endpoint);
      for (const { endpoint, ...attempt } of cancels) this.#sessions.get(endpoint)?.cancel(attempt);
    });
  }

  /** Tasks may be waiting for this endpoint; nothing happens if it is not connected here. */
  pump(endpoint: string): void {
    this.#sessions.get(endpoint)?.pump();
  }

  /** The newest session of its endpoint; the one before is closed. */
  add(session: AgentSession): void {
    const before = this.#sessions.get(session.endpoint);
    this.#sessions.set(session.endpoint, session);
    before?.close(closeCodes.superseded, 'another session drives this endpoint now');
  }

  remove(session: AgentSession): void {
    if (this.#sessions.get(session.endpoint) === session) this.#sessions.delete(session.endpoint);
  }

  /** The endpoint's token is not good any more. */
  revoke(endpoint: string): void {
    this.#sessions.get(endpoint)?.close(closeCodes.auth, 'token-invalid: the token was revoked');
  }

  /** The lease ran out: the socket, if it still seems open, leads nowhere. */
  lapse({ endpoint, epoch }: SessionRef): void {
    const session = this.#sessions.get(endpoint);
    if (session?.epoch === epoch) session.terminate();
  }
}
