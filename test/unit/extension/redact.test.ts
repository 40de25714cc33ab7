import { expect, test } from 'vitest';
import { withoutTokens } from '../../../extension/redact.ts';

test.each([
  [JSON.stringify({ url: 'http://x', token: 'rt_secret' })],
  [`Params: ${JSON.stringify({ url: 'http://x', token: 'rt_secret' }, null, 4)}`],
  [JSON.stringify({ connection: { token: 'a"rt_secret' }, also: { token: 'rt_secret' } })],
])('no token of %s reaches the log', text => {
  const clean = withoutTokens(text);
  expect(clean).not.toContain('rt_secret');
  expect(clean).toContain('"token"');
});

test('everything else stays', () => {
  const text = JSON.stringify({ task: 'token', tokens: ['a'], text: '"token" is a word' });
  expect(withoutTokens(text)).toBe(text);
});
