import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Batcher } from '../../../protocol/batcher.ts';
import { decodeFrame, type Header } from '../../../protocol/frames.ts';
import { flush, limits } from '../../../protocol/limits.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const counts = (frames: Uint8Array[]) => frames.map(frame => decodeFrame(frame).length);

test('a full batch leaves at once, and what follows gathers once there were several', () => {
  const frames: Uint8Array[] = [];
  const batcher = new Batcher(frame => frames.push(frame));
  for (let i = 0; i < 5 * flush.messages; i++) batcher.add({ t: 'x' });
  expect(counts(frames)).toEqual(Array(5).fill(flush.messages));
  for (let i = 0; i < 3; i++) {
    batcher.add({ t: 'x' });
    vi.advanceTimersByTime(flush.ms / 4);
  }
  expect(counts(frames).slice(5)).toEqual([]);
  vi.advanceTimersByTime(flush.ms / 4);
  expect(counts(frames).slice(5)).toEqual([3]);
});

test('what is added in one turn leaves at its end, behind one large frame too', () => {
  const frames: Uint8Array[] = [];
  const batcher = new Batcher(frame => frames.push(frame));
  for (const count of [30, 2]) {
    for (let i = 0; i < count; i++) batcher.add({ t: 'x' });
    vi.advanceTimersByTime(0);
  }
  expect(counts(frames)).toEqual([30, 2]);
});

test('no frame passes the size cap', () => {
  const frames: Uint8Array[] = [];
  const batcher = new Batcher(frame => frames.push(frame));
  const payload = Buffer.alloc(limits.frame / 3);
  for (let i = 0; i < 4; i++) batcher.add({ t: 'x' }, payload);
  batcher.flush();
  expect(counts(frames)).toEqual([2, 2]);
  for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(limits.frame);
});

test('what waits is dropped on close', () => {
  const frames: Uint8Array[] = [];
  const batcher = new Batcher(frame => frames.push(frame));
  batcher.add({ t: 'x' });
  batcher.close();
  vi.advanceTimersByTime(1000);
  expect(frames).toEqual([]);
});

test('messages come out one by one as they were added, however they are framed', () => {
  const code = fc.option(fc.record({ digest: fc.constantFrom('a', 'b'), name: fc.string() }), { nil: undefined });
  const message = fc.record({
    t: fc.constantFrom('x', 'y'),
    fields: fc.record({ text: fc.string(), n: fc.integer() }, { requiredKeys: [] }),
    payload: fc.uint8Array({ maxLength: 40 }),
    of: code,
  });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 40 }), messages => {
      const frames: Uint8Array[] = [];
      const batcher = new Batcher(frame => frames.push(frame));
      for (const { t, fields, payload, of } of messages) batcher.add({ t, ...fields }, payload, of);
      batcher.flush();
      const read = frames.flatMap(frame => decodeFrame(frame));
      expect(read.map(({ header: { bytes: _, ...header }, payload }) => [header, [...payload]])).toEqual(
        messages.map(({ t, fields, payload, of }) => [{ ...of, ...fields, t }, [...payload]]),
      );
    }),
  );
});

test('neighbours of one type share a header, and no header passes its cap', () => {
  const frames: Uint8Array[] = [];
  const batcher = new Batcher(frame => frames.push(frame));
  const of = { digest: 'd'.repeat(64) };
  for (let i = 0; i < 100; i++) batcher.add({ t: 'x' }, undefined, of);
  batcher.flush();
  expect(frames[0]!.length).toBeLessThan(500);
  // Characters of three bytes each.
  const text = '€'.repeat(20_000);
  for (let i = 0; i < 20; i++) batcher.add({ t: 'y', text } as Header);
  batcher.flush();
  expect(frames.slice(1).flatMap(frame => decodeFrame(frame))).toHaveLength(20);
});
