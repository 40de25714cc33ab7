import { expect, test } from 'vitest';
import { OutputGate, wholeCharacters } from '../../../agent/manager/output.ts';
import { limits } from '../../../protocol/limits.ts';

function gate(maxBytes = 1_000_000) {
  const chunks: { seq: number; stream: string; at: number; text: string }[] = [];
  const made = new OutputGate(maxBytes, ({ seq, stream, at }, bytes) =>
    chunks.push({ seq, stream, at, text: Buffer.from(bytes).toString('utf8') }),
  );
  return { gate: made, chunks };
}

test('prints of one stream gather, a change of stream keeps the order', () => {
  const { gate: out, chunks } = gate();
  out.text('stdout', 1, Buffer.from('a'));
  out.text('stdout', 2, Buffer.from('b'));
  out.text('stderr', 3, Buffer.from('c'));
  out.item(4, 'application/json', Buffer.from('1'));
  out.text('stdout', 5, Buffer.from('d'));
  out.close(6);
  expect(chunks).toEqual([
    { seq: 0, stream: 'stdout', at: 1, text: 'ab' },
    { seq: 1, stream: 'stderr', at: 3, text: 'c' },
    { seq: 2, stream: 'item', at: 4, text: '1' },
    { seq: 3, stream: 'stdout', at: 5, text: 'd' },
  ]);
});

test('no chunk is too large, and none cuts a character, wherever the writes were cut', () => {
  const { gate: out, chunks } = gate();
  const text = '€😀a'.repeat(20_000);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 777) out.text('stdout', 1, bytes.subarray(at, at + 777));
  out.close(2);
  expect(chunks.map(chunk => chunk.text).join('')).toBe(text);
  for (const chunk of chunks) expect(Buffer.byteLength(chunk.text)).toBeLessThanOrEqual(limits.outputChunk);
});

test('what is over the cap is dropped, and the last chunk says how much', () => {
  const { gate: out, chunks } = gate(10);
  out.text('stdout', 1, Buffer.from('12345678'));
  out.text('stdout', 1, Buffer.from('90abc'));
  out.item(1, 'application/json', Buffer.from('[1]'));
  out.close(9);
  expect(chunks.map(({ text }) => text)).toEqual([
    '1234567890',
    '[runabout] 6 more bytes of output were dropped: a task may print 10.\n',
  ]);
});

test('whole characters', () => {
  const euro = Buffer.from('€');
  expect(wholeCharacters(euro)).toBe(3);
  expect(wholeCharacters(euro.subarray(0, 2))).toBe(0);
  expect(wholeCharacters(Buffer.from('a€').subarray(0, 2))).toBe(1);
  expect(wholeCharacters(Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80]))).toBe(5);
  expect(wholeCharacters(Buffer.alloc(0))).toBe(0);
});
