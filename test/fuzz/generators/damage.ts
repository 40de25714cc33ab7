// Ways to damage something valid: a JSON value at some place in it, or bytes anywhere.
import * as fc from 'fast-check';
import { hostileKey, hostileValue } from './hostile.ts';

type Json = unknown;

/** One change to a JSON value. `at` picks the place among all there are. */
type Change =
  | { do: 'replace'; at: number; with: Json }
  | { do: 'remove'; at: number }
  | { do: 'rename'; at: number; to: string }
  | { do: 'add'; at: number; key: string; value: Json }
  | { do: 'copy'; at: number; from: number }
  | { do: 'repeat'; at: number; times: number };

const place = fc.nat(1_000);
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('replace' as const), at: place, with: hostileValue }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rename' as const), at: place, to: hostileKey }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('add' as const), at: place, key: hostileKey, value: hostileValue }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('copy' as const), at: place, from: place }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('repeat' as const), at: place, times: fc.constantFrom(2, 20, 300) }),
  },
);

/** Values of `from`, most of them with one to three changes. */
export function damagedJson(from: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  return fc
    .tuple(from, fc.array(change, { maxLength: 3 }))
    .map(([value, changes]) => changes.reduce<Json>(apply, structuredClone(value)));
}

interface Slot {
  holder: Record<string, Json>;
  key: string;
}

/** Every place in a value, itself first. Not deeper than any of our own messages goes. */
function slots(root: { root: Json }): Slot[] {
  const found: Slot[] = [];
  const walk = (holder: Record<string, Json>, key: string, depth: number) => {
    found.push({ holder, key });
    const value = holder[key];
    if (depth > 12 || typeof value !== 'object' || value === null) return;
    for (const inner of Object.keys(value).slice(0, 20)) walk(value as Record<string, Json>, inner, depth + 1);
  };
  walk(root, 'root', 0);
  return found;
}

function apply(value: Json, change: Change): Json {
  const root = { root: value };
  const all = slots(root);
  const { holder, key } = all[change.at % all.length]!;
  switch (change.do) {
    case 'replace':
      holder[key] = structuredClone(change.with);
      break;
    case 'remove':
      if (holder !== root) delete holder[key];
      break;
    case 'rename': {
      const moved = holder[key];
      if (holder === root || Array.isArray(holder)) break;
      delete holder[key];
      define(holder, change.to, moved);
      break;
    }
    case 'add': {
      const target = holder[key];
      if (typeof target === 'object' && target !== null) define(target, change.key, structuredClone(change.value));
      break;
    }
    case 'copy': {
      const source = all[change.from % all.length]!;
      holder[key] = structuredClone(source.holder[source.key]);
      break;
    }
    case 'repeat':
      if (holder !== root) holder[key] = Array.from({ length: change.times }, () => structuredClone(holder[key]));
      break;
  }
  return root.root;
}

/** Also `__proto__` is a property then, as a parser of JSON makes it. */
function define(holder: object, key: string, value: Json): void {
  if (Array.isArray(holder)) holder.push(value);
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

type ByteChange =
  | { do: 'flip'; at: number; mask: number }
  | { do: 'cut'; at: number }
  | { do: 'drop'; at: number; length: number }
  | { do: 'insert'; at: number; bytes: Uint8Array }
  | { do: 'again' }
  | { do: 'length'; at: number; value: number };

const byteChange: fc.Arbitrary<ByteChange> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('flip' as const), at: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), at: fc.nat(), length: fc.nat(16) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('insert' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 12 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'again' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('length' as const),
      at: fc.nat(),
      value: fc.constantFrom(0, 1, 255, 65_536, 2 ** 24, 2 ** 31, 2 ** 32 - 1),
    }),
  },
);

/** Bytes of `from` with some changes, at least one. */
export function damagedBytes(from: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(from, fc.array(byteChange, { minLength: 1, maxLength: 4 }))
    .map(([bytes, changes]) => changes.reduce<Uint8Array>(applyToBytes, bytes));
}

function applyToBytes(bytes: Uint8Array, change: ByteChange): Uint8Array {
  const at = 'at' in change && bytes.length > 0 ? change.at % bytes.length : 0;
  const buffer = Buffer.from(bytes);
  switch (change.do) {
    case 'flip':
      if (buffer.length > 0) buffer[at]! ^= change.mask;
      return buffer;
    case 'cut':
      return buffer.subarray(0, at);
    case 'drop':
      return Buffer.concat([buffer.subarray(0, at), buffer.subarray(at + change.length)]);
    case 'insert':
      return Buffer.concat([buffer.subarray(0, at), change.bytes, buffer.subarray(at)]);
    case 'again':
      return Buffer.concat([buffer, buffer]);
    case 'length':
      if (buffer.length >= at + 4) buffer.writeUInt32BE(change.value, at);
      return buffer;
  }
}
