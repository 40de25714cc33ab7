// Ids and digests as generated inputs hold them: fixed stand-ins, so that an input is the same for the same seed. Just
// before an input is sent, those of things that exist are put in their places (they have the same length).
import * as fc from 'fast-check';

/** The things of the bad peer's own account that inputs name, and those of somebody else. */
export const named = [
  'function',
  'endpoint',
  'task',
  'task2',
  'foreign-function',
  'foreign-endpoint',
  'foreign-task',
] as const;
export type Named = (typeof named)[number];

const PREFIX = '00000000-0000-7000-8000-0000000000';
const idOf = (n: number) => PREFIX + n.toString(16).padStart(2, '0');

const strange = fc
  .tuple(fc.nat(0xffff_ffff), fc.nat(0xfff), fc.nat(0xffff_ffff))
  .map(([a, b, c]) => `${hex(a, 8)}-0000-7${hex(b, 3)}-9000-0000${hex(c, 8)}`);

export const ids: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...named.map((_, i) => idOf(i))) },
  { weight: 1, arbitrary: strange },
);

/** One that was uploaded, the other's, and one nobody has. */
export const digestNames = ['bundle', 'foreign-bundle'] as const;
export type DigestName = (typeof digestNames)[number];
const digestOf = (n: number) => `${'0'.repeat(62)}${n.toString(16).padStart(2, '0')}`;
export const digests: fc.Arbitrary<string> = fc.constantFrom(digestOf(0), digestOf(1), digestOf(2));

/** What stands for what, while a world is alive. */
export type Names = Record<Named | DigestName, string>;

/** Puts the ids of things that exist in the place of their stand-ins. */
export function fillText(text: string, names: Names): string {
  let out = text;
  if (out.includes(PREFIX)) for (const [i, name] of named.entries()) out = out.replaceAll(idOf(i), names[name]);
  for (const [i, name] of digestNames.entries()) out = out.replaceAll(digestOf(i), names[name]);
  return out;
}

/** As {@link fillText}, in a copy of some bytes. */
export function fillBytes(bytes: Uint8Array, names: Names): Buffer {
  // Latin-1 keeps every byte as it is, and the names are ASCII.
  return Buffer.from(fillText(Buffer.from(bytes).toString('latin1'), names), 'latin1');
}

function hex(n: number, digits: number): string {
  return n.toString(16).padStart(digits, '0');
}
