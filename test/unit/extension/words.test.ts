import { expect, test } from 'vitest';
import { bytes, clock, duration, endpointState, shortName, taskState } from '../../../extension/words.ts';
import { endpoint, task } from './records.ts';

test.each([
  [0.42, '0.4 ms'],
  [12.4, '12 ms'],
  [1234, '1.2 s'],
  [42_000, '42 s'],
  [200_000, '3 min 20 s'],
  [7_500_000, '2 h 5 min'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [812, '812 B'],
  [1400, '1.4 kB'],
  [3_000_000, '3.0 MB'],
])('%d bytes are %s', (size, text) => {
  expect(bytes(size)).toBe(text);
});

test('a time of another day says which', () => {
  const now = new Date(2026, 10, 24, 12, 0).getTime();
  expect(clock(new Date(2026, 10, 24, 9, 5).getTime(), now)).toBe('09:05');
  expect(clock(new Date(2026, 10, 23, 9, 5).getTime(), now)).toMatch(/23.*09:05/);
});

test('the name of a function is what comes after its file', () => {
  expect(shortName('stats/mean.ts#Stats.mean')).toBe('Stats.mean');
  expect(shortName('mean')).toBe('mean');
});

test('an endpoint says whether it can run, and how much it does', () => {
  const now = new Date(2026, 10, 24, 12, 0).getTime();
  const since = new Date(2026, 10, 24, 10, 42).getTime();
  const workers = { total: 2, busy: 1, starting: 0 };
  const online = endpoint({ state: 'online', since, workers, queued: 0, running: 1 });
  expect(endpointState(online, now)).toBe('online · 2 workers · 1 running');
  const shared = { total: 2, tasksEach: 16, busy: 20, starting: 0 };
  expect(endpointState(endpoint({ state: 'online', since, queued: 0, running: 20, workers: shared }), now)).toBe(
    'online · 2 workers · 16 tasks each · 20 running',
  );
  expect(endpointState(endpoint({ state: 'offline', since, queued: 0, running: 0 }), now)).toBe('offline since 10:42');
  expect(endpointState(endpoint({ state: 'offline', since, queued: 3, running: 0 }), now)).toBe(
    'offline since 10:42 · 3 waiting',
  );
  expect(endpointState(endpoint({ state: 'new', since, queued: 0, running: 0 }), now)).toContain('no agent');
});

test('a task that waits says why and since when', () => {
  const now = new Date(2026, 10, 24, 12, 0).getTime();
  const since = new Date(2026, 10, 24, 10, 42).getTime();
  const waiting = task({ state: 'queued', wait: { reason: 'endpoint-offline', text: 'lab is offline', since } });
  expect(taskState({ ...waiting, createdAt: since }, { now })).toBe(
    'waiting · lab is offline, since 10:42 · lab · 10:42',
  );
  const ended = task({ state: 'succeeded', createdAt: since, startedAt: since, endedAt: since + 1200 });
  expect(taskState(ended, { now })).toBe('succeeded · 1.2 s · lab · 10:42');
  expect(taskState(ended, { now, where: false })).toBe('succeeded · 1.2 s · 10:42');
});
