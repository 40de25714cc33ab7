import { createHash, randomBytes } from 'node:crypto';

/**
 * A token is `rbo_` (owner), `rbu_` (user) or `rba_` (agent), 256 random bits in base64url, and six characters of
 * checksum: scanners can tell it from other text, and a mistyped one is refused without a look-up. Only its sha256 is
 * stored, which is enough for a secret of that entropy.
 */
const prefixes = { owner: 'rbo_', user: 'rbu_', agent: 'rba_' } as const;
export type TokenKind = keyof typeof prefixes;

const FORM = /^(rb[oua]_[A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})$/;

const checksum = (body: string) => createHash('sha256').update(body).digest('base64url').slice(0, 6);

export function newToken(kind: TokenKind): string {
  const body = prefixes[kind] + randomBytes(32).toString('base64url');
  return body + checksum(body);
}

/** What the store keeps of a token; `undefined` for what cannot be one. */
export function tokenHash(token: string): string | undefined {
  const [, body, sum] = FORM.exec(token) ?? [];
  if (body === undefined || checksum(body) !== sum) return undefined;
  return createHash('sha256').update(token).digest('hex');
}
