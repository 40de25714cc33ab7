import { TraceMap } from '@jridgewell/trace-mapping';
import { expect, test } from 'vitest';
import { describeThrown } from '../../../agent/worker/errors/describe.ts';
import { mapFrames } from '../../../agent/worker/errors/mapping.ts';
import { frameText, parseStack } from '../../../agent/worker/errors/stack.ts';
import { bundleOf } from '../../support/bundle.ts';

const places = { bundle: 'file:///cache/abc.mjs', own: 'file:///app/dist/' };

test('every form of line that V8 writes', () => {
  const { head, frames } = parseStack(`TypeError: two
lines
    at inner (file:///cache/abc.mjs:1:20)
    at async outer (file:///cache/abc.mjs:2:3)
    at new Thing (file:///cache/abc.mjs:3:1)
    at Object.run [as go] (file:///cache/a b (c).mjs:4:1)
    at file:///cache/abc.mjs:5:9
    at async file:///cache/abc.mjs:6:9
    at Array.map (<anonymous>)
    at async Promise.all (index 0)
    at eval (eval at f (file:///cache/abc.mjs:7:1), <anonymous>:1:1)
    at node:internal/timers:585:17
   no frame at all`);
  expect(head).toBe('TypeError: two\nlines');
  expect(frames).toEqual([
    { name: 'inner', file: 'file:///cache/abc.mjs', line: 1, column: 20 },
    { name: 'outer', file: 'file:///cache/abc.mjs', line: 2, column: 3 },
    { name: 'new Thing', file: 'file:///cache/abc.mjs', line: 3, column: 1 },
    { name: 'Object.run [as go]', file: 'file:///cache/a b (c).mjs', line: 4, column: 1 },
    { name: '', file: 'file:///cache/abc.mjs', line: 5, column: 9 },
    { name: '', file: 'file:///cache/abc.mjs', line: 6, column: 9 },
    { name: 'Array.map', file: '<anonymous>', line: 0, column: 0 },
    { name: 'Promise.all', file: 'index 0', line: 0, column: 0 },
    { name: 'eval', file: 'eval at f (file:///cache/abc.mjs:7:1), <anonymous>', line: 1, column: 1 },
    { name: '', file: 'node:internal/timers', line: 585, column: 17 },
  ]);
  expect(frameText(frames[0]!)).toBe('    at inner (file:///cache/abc.mjs:1:20)');
  expect(frameText(frames[4]!)).toBe('    at file:///cache/abc.mjs:5:9');
  expect(frameText(frames[6]!)).toBe('    at Array.map (<anonymous>)');
});

test('a stack without frames is all head', () => {
  expect(parseStack('only words')).toEqual({ head: 'only words', frames: [] });
});

test('own frames and what is below are dropped, Node internals only at the tail', () => {
  const frame = (file: string) => ({ name: 'f', file, line: 1, column: 1 });
  const files = (...all: string[]) => mapFrames(all.map(frame), places, undefined).map(({ file }) => file);
  expect(files(places.bundle, 'node:fs', places.bundle, 'file:///app/dist/worker.js', 'node:x')).toEqual([
    'bundle.mjs',
    'node:fs',
    'bundle.mjs',
  ]);
  expect(files('node:fs', places.bundle, 'node:internal/timers', 'node:internal/x')).toEqual(['node:fs', 'bundle.mjs']);
});

test('frames are mapped through the source map, and keep their place in the bundle', async () => {
  const source = '\n\nexport default function fails(x: number) {\n  throw new Error(String(x));\n}\n';
  const { code, map } = await bundleOf(source, 'src/fails.ts');
  const text = Buffer.from(code).toString('utf8');
  const at = text.indexOf('new Error');
  const line = text.slice(0, at).split('\n').length;
  const column = at - text.lastIndexOf('\n', at);
  const [frame] = mapFrames(
    [{ name: 'fails', file: places.bundle, line, column }],
    places,
    new TraceMap(Buffer.from(map).toString('utf8')),
  );
  expect(frame).toEqual({ name: 'fails', file: 'src/fails.ts', line: 4, column: 9, bundle: { line, column } });
});

test('causes are bounded, and a circle of them ends', () => {
  const error = new Error('a');
  error.cause = new Error('b', { cause: error });
  const described = describeThrown(error, 'function-threw', places, undefined);
  expect(described.cause).toMatchObject({ message: 'b' });
  expect(described.cause!.cause).toBeUndefined();

  let deep = new Error('0');
  for (let i = 1; i < 50; i++) deep = new Error(String(i), { cause: deep });
  let depth = 0;
  for (let at = describeThrown(deep, 'function-threw', places, undefined).cause; at; at = at.cause) depth += 1;
  expect(depth).toBe(8);
});

test('an error of any size fits into a message', () => {
  let error = new Error('\u0001'.repeat(1_000_000));
  for (let i = 0; i < 8; i++) error = new Error('\u0001'.repeat(1_000_000), { cause: error });
  const described = describeThrown(error, 'function-threw', places, undefined);
  expect(Buffer.byteLength(JSON.stringify(described))).toBeLessThan(128 * 1024);
});

test('class names, aggregates and objects that fight back', () => {
  class CustomError extends Error {}
  expect(describeThrown(new CustomError('x'), 'function-threw', places, undefined).name).toBe('CustomError');
  const all = new AggregateError([new TypeError('a'), 'b'], 'both failed');
  expect(describeThrown(all, 'function-threw', places, undefined).message).toBe('both failed [TypeError: a; b]');
  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('no');
    },
  });
  expect(describeThrown(hostile, 'function-threw', places, undefined)).toMatchObject({ code: 'function-threw' });
});
