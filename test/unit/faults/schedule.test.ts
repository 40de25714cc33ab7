import { describe, expect, it } from 'vitest';
import { planRound } from '../../faults/campaign.ts';
import { withCalls } from '../../faults/failpoints.ts';
import { FrameCutter } from '../../faults/frame-cutter.ts';
import type { FaultKind } from '../../faults/schedule.ts';

const kinds: FaultKind[] = ['kill', 'stop', 'failpoint', 'net', 'disk', 'clock'];

describe('a schedule', () => {
  it('is the same for the same seed and round, and another for others', () => {
    const plan = planRound(5, 3, kinds);
    expect(planRound(5, 3, kinds)).toEqual(plan);
    expect(planRound(5, 4, kinds)).not.toEqual(plan);
    expect(planRound(6, 3, kinds)).not.toEqual(plan);
  });

  it('has every kind of fault and of task in the long run, and only those asked for', () => {
    const plans = Array.from({ length: 40 }, (_, round) => planRound(1, round, kinds));
    expect(new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)))).toEqual(new Set(kinds));
    const behaviours = new Set(plans.flatMap(({ clients }) => clients.flat().map(({ behaviour }) => behaviour)));
    expect(behaviours.size).toBe(8);
    expect(planRound(1, 1, ['net']).faults.every(({ kind }) => kind === 'net')).toBe(true);
  });
});

it('turns failpoint comments into calls, and nothing else', () => {
  const found: string[] = [];
  const source =
    '  a();\n  // failpoint: x.sent\n  b();\n  // failpoint: y of calls.map(c => c.verb)\n// a failpoint: none\n';
  const text = withCalls(source, name => found.push(name));
  expect(found).toEqual(['x.sent', 'y']);
  expect(text).toContain(
    '  failpoint("x.sent");\n  b();\n  failpoint("y", calls.map(c => c.verb));\n// a failpoint: none\n',
  );
  expect(withCalls('a();\n', () => {})).toBeUndefined();
});

describe('the cutter of frames', () => {
  const head = Buffer.from('GET /v1/agent HTTP/1.1\r\nUpgrade: websocket\r\n\r\n');
  const first = Buffer.from([0x82, 0x81, 1, 2, 3, 4, 8]);
  const short = Buffer.from([0x82, 0x83, 1, 2, 3, 4, 9, 9, 9]);
  const long = Buffer.concat([Buffer.from([0x82, 126, 1, 0]), Buffer.alloc(256, 5)]);

  it('finds the frames after the first however the bytes come', () => {
    const whole = Buffer.concat([head, first, short, long]);
    for (const size of [1, 3, 7, whole.length]) {
      const cutter = new FrameCutter(8);
      let boundary = false;
      for (let at = 0; at < whole.length; at += size) boundary = cutter.push(whole.subarray(at, at + size));
      expect([boundary, cutter.oldest(), cutter.oldest(), cutter.oldest()]).toEqual([true, short, long, undefined]);
    }
  });

  it('leaves plain requests alone', () => {
    const cutter = new FrameCutter(8);
    expect(cutter.push(Buffer.from('POST /v1/tasks HTTP/1.1\r\n\r\n{}'))).toBe(false);
    expect([cutter.push(short), cutter.inFrames, cutter.oldest()]).toEqual([false, false, undefined]);
  });
});
