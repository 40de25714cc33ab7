import { expect, test } from 'vitest';
import { OutputTail } from '../../../extension/panel/output.ts';
import type { OutputChunk } from '../../../protocol/client-broker/tasks.ts';
import { encodeValue } from '../../../protocol/values/codec.ts';
import { toJsonPayload } from '../../../protocol/values/payload.ts';

const chunk = (seq: number, text: string, attempt = 1): OutputChunk => ({
  attempt,
  seq,
  at: seq,
  stream: 'stdout',
  text,
});

test('live output and the output read later meet without gaps and without repeats', () => {
  const tail = new OutputTail();
  expect(tail.add([chunk(0, 'a'), chunk(1, 'b')])).toHaveLength(2);
  expect(tail.add([chunk(0, 'a'), chunk(1, 'b'), chunk(2, 'c')]).map(line => line.text)).toEqual(['c']);
  expect(tail.lines.map(line => line.text)).toEqual(['a', 'b', 'c']);
  expect(tail.cut).toBeUndefined();
});

test('a new attempt is told apart', () => {
  const tail = new OutputTail();
  tail.add([chunk(0, 'first'), chunk(0, 'second', 2)]);
  expect(tail.lines.map(line => line.text)).toEqual(['first', expect.stringContaining('Attempt 2'), 'second']);
});

test('what a generator yields is shown as a value', () => {
  const tail = new OutputTail();
  const value = toJsonPayload(encodeValue(new Map([['a', 1]])));
  tail.add([{ attempt: 1, seq: 0, at: 0, stream: 'item', value }]);
  expect(tail.lines[0]?.text).toBe("Map(1) {'a' => 1}");
});

test('only the newest lines stay, and it says so', () => {
  const tail = new OutputTail();
  for (let i = 0; i < 5000; i++) tail.add([chunk(i, `line ${i}`)]);
  expect(tail.lines).toHaveLength(2000);
  expect(tail.lines.at(-1)?.text).toBe('line 4999');
  expect(tail.cut).toContain('2000');
});

test('large lines are bounded too', () => {
  const tail = new OutputTail();
  for (let i = 0; i < 100; i++) tail.add([chunk(i, 'x'.repeat(16_000))]);
  expect(tail.lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(256 * 1024);
});

test('what the broker dropped is said', () => {
  const tail = new OutputTail();
  tail.dropped(1_500_000);
  expect(tail.cut).toContain('1.5 MB');
});
