import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFrame, encodeMessage, MessageReader } from '../../../protocol/frames.ts';
import { limits } from '../../../protocol/limits.ts';

const message = fc.record({
  header: fc.record({ t: fc.string({ minLength: 1 }), text: fc.string(), n: fc.integer() }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

test('messages come back from a frame as they went in', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), messages => {
      const frame = Buffer.concat(messages.map(({ header, payload }) => encodeMessage(header, payload)));
      const decoded = decodeFrame(frame);
      expect(
        decoded.map(({ header: { t, text, n }, payload }) => ({ header: { t, text, n }, payload: [...payload] })),
      ).toEqual(messages.map(({ header, payload }) => ({ header, payload: [...payload] })));
    }),
  );
});

test('a stream cut anywhere gives the same messages', () => {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(({ header, payload }) => encodeMessage(header, payload)));
        const reader = new MessageReader();
        const read = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = cuts[i % cuts.length]!;
          read.push(...reader.push(bytes.subarray(at, at + length)));
          at += length;
        }
        expect(read.map(({ payload }) => [...payload])).toEqual(messages.map(({ payload }) => [...payload]));
        expect(reader.pending).toBe(0);
      },
    ),
  );
});

test('no bytes at all make it fail otherwise than with frame-invalid', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        decodeFrame(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'frame-invalid' });
      }
    }),
    { numRuns: 2000 },
  );
});

const raw = (header: string, payload = '') => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(header));
  return Buffer.concat([length, Buffer.from(header), Buffer.from(payload)]);
};

test.each([
  ['a cut message', encodeMessage({ t: 'x' }, Buffer.from('abc')).subarray(0, -1)],
  ['a header that is no JSON', raw('{nope')],
  ['a header that is no object', raw('[]')],
  ['a header without a type', raw('{"a":1}')],
  ['a negative payload length', raw('{"t":"x","bytes":-1}')],
  ['a payload length that is no integer', raw('{"t":"x","bytes":1.5}')],
  ['a header over the cap', Buffer.from([0xff, 0xff, 0xff, 0xff, 1])],
  ['a payload over the cap', raw(`{"t":"x","bytes":${limits.blob + 1}}`)],
])('%s is frame-invalid', (_name, bytes) => {
  expect(() => decodeFrame(bytes)).toThrow(expect.objectContaining({ code: 'frame-invalid' }));
});

test('a large payload in many chunks is joined once, not once per chunk', () => {
  const payload = Buffer.alloc(8 * 1024 * 1024, 7);
  const bytes = encodeMessage({ t: 'big' }, payload);
  const reader = new MessageReader();
  const concat = Buffer.concat;
  let joined = 0;
  Buffer.concat = ((list: readonly Uint8Array[], length?: number) => {
    joined += 1;
    return concat(list, length);
  }) as typeof Buffer.concat;
  try {
    const read = [];
    for (let at = 0; at < bytes.length; at += 65_536) read.push(...reader.push(bytes.subarray(at, at + 65_536)));
    expect(read).toHaveLength(1);
    expect(read[0]!.payload.length).toBe(payload.length);
  } finally {
    Buffer.concat = concat;
  }
  expect(joined).toBeLessThan(5);
});

test.each([
  ['a list that is none', raw('{"t":"x","list":{}}')],
  ['an item that is none', raw('{"t":"x","list":[1]}')],
  ['an item of bad length', raw('{"t":"x","list":[{"bytes":-1}]}')],
  ['payloads beyond the series', raw('{"t":"x","list":[{"bytes":3}],"bytes":2}', 'ab')],
  ['payloads short of it', raw('{"t":"x","list":[{"bytes":1}],"bytes":2}', 'ab')],
  ['more messages than a frame may have', raw(`{"t":"x","list":[${'{},'.repeat(limits.frameMessages)}{}]}`)],
])('a series with %s is refused', (_, frame) => {
  expect(() => decodeFrame(frame)).toThrow(expect.objectContaining({ code: 'frame-invalid' }));
});
