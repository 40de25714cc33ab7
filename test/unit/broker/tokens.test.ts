import { expect, it } from 'vitest';
import { newToken, tokenHash } from '../../../broker/tokens.ts';

it('gives tokens that tell their kind, and hashes only whole ones', () => {
  for (const [kind, prefix] of [
    ['owner', 'rbo_'],
    ['user', 'rbu_'],
    ['agent', 'rba_'],
  ] as const) {
    const token = newToken(kind);
    expect(token.startsWith(prefix)).toBe(true);
    expect(token).toHaveLength(4 + 43 + 6);
    expect(tokenHash(token)).toMatch(/^[0-9a-f]{64}$/);
    expect(tokenHash(token)).not.toContain(token.slice(4, 20));
    expect(tokenHash(newToken(kind))).not.toBe(tokenHash(token));
  }
});

it('knows a token with a changed, missing or added character for none', () => {
  const token = newToken('user');
  for (let i = 0; i < token.length; i++) {
    const other = token[i] === 'x' ? 'y' : 'x';
    expect(tokenHash(token.slice(0, i) + other + token.slice(i + 1))).toBeUndefined();
  }
  for (const text of ['', token.slice(1), `${token}a`, ` ${token}`, `rbx_${token.slice(4)}`]) {
    expect(tokenHash(text)).toBeUndefined();
  }
});
