import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Batcher } from '../../../protocol/batcher.ts';
import { decodeFrame } from '../../../protocol/frames.ts';
import { flush, limits } from '../../../protocol/limits.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const counts = (frames: Uint8Array[]) => frames.map(frame => decodeFrame(frame).length);

test('a full batch leaves at once, the rest after the flush time', () => {
  const frames: Uint8Array[] = [];
  const batcher = new Batcher(frame => frames.push(frame));
  for (let i = 0; i < flush.messages + 3; i++) batcher.add({ t: 'x' });
  expect(counts(frames)).toEqual([flush.messages]);
  vi.advanceTimersByTime(flush.ms);
  expect(counts(frames)).toEqual([flush.messages, 3]);
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
