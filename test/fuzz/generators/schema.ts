// Valid values of the protocol's own schemas: a message or field that changes there changes here by itself.
import * as fc from 'fast-check';
import type * as z from 'zod';
import { Digest, Id } from '../../../protocol/ids.ts';
import { digests, ids } from './names.ts';

type Schema = z.core.$ZodType;

/** What of zod's definitions is read here. */
interface Def {
  type: string;
  format?: string;
  checks?: { _zod: { def: Check } }[];
  shape?: Record<string, Schema>;
  element?: Schema;
  items?: readonly Schema[];
  options?: readonly Schema[];
  values?: readonly unknown[];
  entries?: Record<string, unknown>;
  innerType?: Schema;
  keyType?: Schema;
  valueType?: Schema;
  getter?: () => Schema;
  out?: Schema;
}
type Check = { check: string; format?: string; pattern?: RegExp; value?: number; minimum?: number; maximum?: number };

interface Bounds {
  minimum?: number | undefined;
  maximum?: number | undefined;
  format?: string | undefined;
  pattern?: RegExp | undefined;
}

/** How deep a schema that holds itself is followed. */
const DEEPEST = 3;
const LONGEST_ARRAY = 5;

/**
 * Values that `schema` accepts. Ids and digests come from small pools (./names.ts), so that they often name things that
 * exist.
 * @throws Error for a kind of schema that it does not know yet: the fuzzer would silently pass over a field
 */
export function valid(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  if (schema === (Id as Schema)) return ids;
  if (schema === (Digest as Schema)) return digests;
  const def = schema._zod.def as unknown as Def;
  const bounds = boundsOf(def);
  switch (def.type) {
    case 'string':
      return text(bounds);
    case 'number':
      return number(bounds);
    case 'boolean':
      return fc.boolean();
    case 'unknown':
    case 'any':
      return fc.jsonValue({ maxDepth: 2 });
    case 'literal':
      return fc.constantFrom(...def.values!);
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries!));
    case 'object':
      return object(def.shape!, depth);
    case 'array': {
      const { minimum = 0, maximum = LONGEST_ARRAY } = bounds;
      return fc.array(valid(def.element!, depth + 1), {
        minLength: minimum,
        maxLength: Math.max(minimum, Math.min(maximum, LONGEST_ARRAY)),
      });
    }
    case 'tuple':
      return fc.tuple(...def.items!.map(item => valid(item, depth)));
    case 'union':
      return fc.oneof(...def.options!.map(option => valid(option, depth)));
    case 'record':
      return fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), valid(def.valueType!, depth), { maxKeys: 3 });
    case 'optional':
    case 'default':
      return depth > DEEPEST ? fc.constant(undefined) : fc.option(valid(def.innerType!, depth + 1), { nil: undefined });
    case 'nullable':
      return fc.option(valid(def.innerType!, depth));
    case 'lazy':
      return valid(def.getter!(), depth + 1);
    case 'pipe':
      return valid(def.out!, depth);
    default:
      throw new Error(`The fuzzer knows no schema of type ${def.type}: add it to ${import.meta.filename}.`);
  }
}

function object(shape: Record<string, Schema>, depth: number): fc.Arbitrary<unknown> {
  // The frame's own `bytes` is set when a message is encoded.
  const keys = Object.keys(shape).filter(key => key !== 'bytes');
  return fc
    .tuple(...keys.map(key => valid(shape[key]!, depth + 1)))
    .map(values => Object.fromEntries(keys.flatMap((key, i) => (values[i] === undefined ? [] : [[key, values[i]]]))));
}

function boundsOf({ format, checks = [] }: Def): Bounds {
  const bounds: Bounds = { format };
  for (const { check, ...rest } of checks.map(item => item._zod.def)) {
    if (check === 'greater_than') bounds.minimum = rest.value;
    else if (check === 'less_than') bounds.maximum = rest.value;
    else if (check === 'min_length') bounds.minimum = rest.minimum;
    else if (check === 'max_length') bounds.maximum = rest.maximum;
    else if (check === 'number_format') bounds.format = rest.format;
    else if (check === 'string_format') bounds.pattern = rest.pattern;
  }
  return bounds;
}

const BASE64 = fc.base64String({ maxLength: 40 });

function text({ minimum = 0, maximum = 40, pattern, format }: Bounds): fc.Arbitrary<string> {
  if (format === 'base64') return BASE64;
  const length = { minLength: minimum, maxLength: Math.min(maximum, 40) };
  if (!pattern) return fc.oneof(fc.string(length), fc.string({ ...length, unit: 'binary' }));
  // What names are made of, with every name of the pattern's beginning: all of our patterns are of that kind.
  return fc
    .stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,20}$/)
    .filter(name => pattern.test(name) && name.length >= minimum && name.length <= maximum);
}

function number({ minimum, maximum, format }: Bounds): fc.Arbitrary<number> {
  const whole = format === 'safeint' || format === 'int32' || format === 'uint32';
  const min = minimum ?? (whole ? Number.MIN_SAFE_INTEGER : -1e300);
  const max = maximum ?? (whole ? Number.MAX_SAFE_INTEGER : 1e300);
  const least = Math.max(min, minimum ?? 0);
  // Small ones name attempts, counts and sequence numbers that exist.
  const near = fc.integer({ min: Math.ceil(least), max: Math.min(max, Math.ceil(least) + 3) });
  const any = whole ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true });
  return fc.oneof({ weight: 4, arbitrary: near }, { weight: 1, arbitrary: any });
}
