import { describe, expect, test } from 'vitest';
import { errorText, inlineText } from '../../../extension/run/inlineText.ts';
import { run } from './records.ts';

describe('the text at the end of a line', () => {
  test('a result with its duration', () => {
    expect(inlineText(run({ text: '42', durationMs: 1234 }))).toEqual({ text: '= 42 · 1.2 s', tone: 'result' });
  });

  test('is dimmed and says so when the code has changed since', () => {
    const { text, tone } = inlineText(run({ text: '42', durationMs: 12, stale: true }));
    expect(text).toBe('= 42 · 12 ms · code has changed');
    expect(tone).toBe('stale');
  });

  test('is one line of at most 80 characters that keeps the duration', () => {
    const { text } = inlineText(run({ text: `${'long '.repeat(50)}\nsecond line`, durationMs: 12 }));
    expect(text.length).toBeLessThanOrEqual(80);
    expect(text).toMatch(/… · 12 ms$/);
    expect(inlineText(run({ text: 'a\nb' })).text).toBe('= a ⏎ b');
  });

  test('says why a task waits', () => {
    const since = new Date(2026, 10, 24, 10, 42).getTime();
    const wait = { reason: 'endpoint-offline' as const, text: 'lab is offline', since };
    const shown = inlineText(run({ state: 'queued', wait }), since);
    expect(shown).toEqual({ text: '… lab is offline, since 10:42', tone: 'running' });
  });

  test('shows the last output while it runs', () => {
    expect(inlineText(run({ state: 'running', text: 'step 3' })).text).toBe('… step 3');
    expect(inlineText(run({ state: 'running' })).text).toBe('… running on lab');
  });

  test.each(['failed', 'expired', 'lost'] as const)('a task that %s is an error', state => {
    expect(inlineText(run({ state, text: 'TypeError: no' })).tone).toBe('error');
  });
});

test('a task that somebody cancelled is no error', () => {
  expect(inlineText(run({ state: 'cancelled', durationMs: 1500 }))).toEqual({
    text: 'cancelled · 1.5 s',
    tone: 'stale',
  });
});

describe('the text on the line that threw', () => {
  const error = { code: 'function-threw', name: 'TypeError', message: 'x is undefined' };
  const errorAt = { uri: 'file:///a.ts', line: 3 };

  test('is the error', () => {
    expect(errorText(run({ state: 'failed', error, errorAt }))).toBe('✗ TypeError: x is undefined');
  });

  test('goes away with the next edit of the function', () => {
    expect(errorText(run({ state: 'failed', error, errorAt, stale: true }))).toBeUndefined();
  });

  test('needs a line', () => {
    expect(errorText(run({ state: 'failed', error }))).toBeUndefined();
  });
});
