import { expect, test } from 'vitest';
import { duration, runText } from '../../../language-server/words.ts';
import type { RunSummary } from '../../../protocol/editor-server/messages.ts';

test.each([
  [0.4, '0 ms'],
  [830, '830 ms'],
  [1234, '1.2 s'],
  [125_000, '2 m 5 s'],
  [11_400_000, '3 h 10 m'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

const run: RunSummary = {
  task: 't',
  state: 'queued',
  endpoint: { id: 'e', name: 'lab' },
  createdAt: 0,
  text: '',
  stale: false,
};

test.each<[Partial<RunSummary>, string]>([
  [{ state: 'succeeded', text: '42', durationMs: 1200 }, '= 42 · 1.2 s'],
  [{ state: 'succeeded', text: '42', durationMs: 5, stale: true }, '= 42 · 5 ms · code has changed since'],
  [{ state: 'failed', text: 'TypeError: no', durationMs: 5 }, 'failed: TypeError: no · 5 ms'],
  [{ state: 'cancelled', text: 'cancelled' }, 'cancelled'],
  [{ state: 'running', text: 'running' }, 'running…'],
  [{ state: 'running', text: '40 %' }, 'running… 40 %'],
  [{ state: 'queued', text: 'queued' }, 'queued…'],
  [{ state: 'queued', text: 'the endpoint is offline' }, 'queued: the endpoint is offline'],
  [{ state: 'succeeded', text: 'x'.repeat(100) }, `= ${'x'.repeat(39)}…`],
  [{ state: 'succeeded', text: '' }, '= …'],
])('%j reads %s', (state, text) => {
  expect(runText({ ...run, ...state })).toBe(text);
});
