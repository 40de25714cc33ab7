import { RunaboutError } from '../../protocol/errors/error.ts';
import type { BrokerStore, TokenHolder } from '../store/contract.ts';
import { tokenHash } from '../tokens.ts';
import type { FailureLimit } from './failure-limit.ts';

/** Tokens remembered, so that a request costs no look-up in the store. */
const REMEMBERED = 10_000;

/** Says who a request comes from. */
export class Authenticator {
  readonly #store: BrokerStore;
  readonly #failures: FailureLimit;
  readonly #known = new Map<string, TokenHolder>();

  constructor(store: BrokerStore, failures: FailureLimit) {
    this.#store = store;
    this.#failures = failures;
  }

  /**
   * @param header the `Authorization` header; a token anywhere else does not count
   * @param address where the request comes from
   * @throws RunaboutError `token-missing`, `token-invalid`, or `too-many-requests` after too many of these
   */
  async identify(header: string | undefined, address: string): Promise<TokenHolder> {
    try {
      return await this.#find(header);
    } catch (error) {
      if (!this.#failures.count(address)) throw error;
      throw new RunaboutError('too-many-requests', 'Too many requests without a valid token came from your address.', {
        hint: 'Check the token, and try again in a minute.',
      });
    }
  }

  async #find(header: string | undefined): Promise<TokenHolder> {
    const [, token] = /^Bearer +(\S+) *$/i.exec(header ?? '') ?? [];
    if (token === undefined) {
      throw new RunaboutError('token-missing', 'The request carries no token.', {
        hint: 'Send it in the header: "Authorization: Bearer …". A token in the address is not accepted.',
      });
    }
    const hash = tokenHash(token);
    const holder = hash && (this.#known.get(hash) ?? (await this.#store.findToken({ tokenHash: hash })));
    if (!holder) {
      throw new RunaboutError('token-invalid', 'The token is not known here, or was revoked.', {
        hint: 'Sign in again, or renew the token of the endpoint.',
      });
    }
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    this.#known.set(hash, holder);
    return holder;
  }

  /** A token was revoked: everything is looked up anew. */
  forget(): void {
    this.#known.clear();
  }
}

export type Kind = TokenHolder['principal']['kind'];

/** @throws RunaboutError `token-kind` */
export function checkKind({ principal }: TokenHolder, allowed: readonly Kind[]): void {
  if (allowed.includes(principal.kind)) return;
  throw new RunaboutError('token-kind', `The token of ${article(principal.kind)} may not do this.`, {
    hint: `It takes the token of ${allowed.map(article).join(' or ')}.`,
  });
}

const article = (kind: Kind) => ({ owner: "the broker's owner", user: 'a user', agent: 'an agent' })[kind];
