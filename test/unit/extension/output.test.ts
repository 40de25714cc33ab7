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

const kept = (...chunks: OutputChunk[]) => ({ chunks, droppedBytes: 0 });
/** A tail that is up to date. */
const current = () => {
  const tail = new OutputTail();
  tail.caughtUp(kept());
  return tail;
};
const texts = (lines: { text: string }[]) => lines.map(({ text }) => text);

test('live output that comes before what has been waits for it, and nothing comes twice', () => {
  const tail = new OutputTail();
  expect(tail.live([chunk(2, 'c'), chunk(3, 'd')])).toEqual([]);
  expect(texts(tail.caughtUp(kept(chunk(0, 'a'), chunk(1, 'b'), chunk(2, 'c'))))).toEqual(['a', 'b', 'c', 'd']);
  expect(texts(tail.live([chunk(4, 'e')]))).toEqual(['e']);
  expect(texts(tail.lines)).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(tail.cut).toBeUndefined();
});

test('a stream that was cut leaves no gap', () => {
  const tail = current();
  tail.live([chunk(0, 'a')]);
  tail.lost();
  expect(tail.live([chunk(3, 'd')])).toEqual([]);
  expect(texts(tail.caughtUp(kept(chunk(0, 'a'), chunk(1, 'b'), chunk(2, 'c'))))).toEqual(['b', 'c', 'd']);
});

test('a new attempt is told apart', () => {
  const tail = current();
  tail.live([chunk(0, 'first'), chunk(0, 'second', 2)]);
  expect(tail.lines.map(line => line.text)).toEqual(['first', expect.stringContaining('Attempt 2'), 'second']);
});

test('what a generator yields is shown as a value', () => {
  const tail = current();
  const value = toJsonPayload(encodeValue(new Map([['a', 1]])));
  tail.live([{ attempt: 1, seq: 0, at: 0, stream: 'item', value }]);
  expect(tail.lines[0]?.text).toBe("Map(1) {'a' => 1}");
});

test('only the newest lines stay, and it says so', () => {
  const tail = current();
  for (let i = 0; i < 5000; i++) tail.live([chunk(i, `line ${i}`)]);
  expect(tail.lines).toHaveLength(2000);
  expect(tail.lines.at(-1)?.text).toBe('line 4999');
  expect(tail.cut).toContain('2000');
});

test('large lines are bounded too', () => {
  const tail = current();
  for (let i = 0; i < 100; i++) tail.live([chunk(i, 'x'.repeat(16_000))]);
  expect(tail.lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(256 * 1024);
});

test('what the broker dropped is said', () => {
  const tail = current();
  tail.caughtUp({ chunks: [], droppedBytes: 1_500_000 });
  expect(tail.cut).toContain('1.5 MB');
});
