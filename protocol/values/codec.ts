/**
 * User values to bytes and back: JSON where that is lossless, msgpack otherwise (Map, Set, Date, BigInt, typed arrays,
 * Buffer, undefined, NaN; only the sign of -0 is lost). Data only: functions, symbols, class instances and cycles cannot be sent, and the error
 * names the place.
 */
import { Packr } from 'msgpackr';
import { RunaboutError } from '../errors/error.ts';
import { limits } from '../limits.ts';
import type { Payload } from './payload.ts';

// Records keep plain objects and Maps apart. They are defined inside each value: nothing is remembered between two.
const packr = new Packr({ structuredClone: true, moreTypes: true, useRecords: true });

/**
 * @throws RunaboutError `result-not-sendable` with the path of the value, for example `.rows[3].callback is a function`
 */
export function encodeValue(value: unknown): Payload {
  const lossless = survey(value, '', new Set(), 0);
  if (lossless) return { type: 'application/json', bytes: Buffer.from(JSON.stringify(value), 'utf8') };
  return { type: 'application/msgpack', bytes: packr.pack(value) };
}

/** @throws RunaboutError `request-invalid` when the bytes are not of their type */
export function decodeValue(payload: Payload): unknown {
  // An Error inside a value is data: the stack of its decoding would pass for the one of its origin.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const isJson = payload.type === 'application/json';
    const value = isJson
      ? JSON.parse(Buffer.from(payload.bytes).toString('utf8'))
      : packr.unpack(payload.bytes as Buffer);
    checkExtent(value, payload);
    return value;
  } catch (error) {
    const why = error instanceof RangeError ? `: ${error.message}` : '';
    throw new RunaboutError('request-invalid', `A value is not valid ${payload.type}${why}.`, { cause: error });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const MAX_DEPTH = 500;

/**
 * Refuses what nobody could walk: encoded values are not nested deeper than {@link MAX_DEPTH}, and hold no more than a
 * result has bytes. In msgpack a few bytes can refer to themselves, or to one thing a billion times.
 */
function checkExtent(value: unknown, { bytes, type }: Payload): void {
  // Every level and every reference takes a byte.
  if (bytes.length <= MAX_DEPTH && type === 'application/json') return;
  const known = new Map<object, number>();
  const extent = (item: unknown, depth: number): number => {
    if (typeof item !== 'object' || item === null || ArrayBuffer.isView(item)) return 1;
    const before = known.get(item);
    if (before !== undefined) return before;
    if (depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`);
    let sum = 1;
    if (item instanceof Map) for (const [key, held] of item) sum += extent(key, depth + 1) + extent(held, depth + 1);
    else if (item instanceof Set) for (const held of item) sum += extent(held, depth + 1);
    else for (const held of Object.values(item)) sum += extent(held, depth + 1);
    if (item instanceof Error) sum += extent(item.cause, depth + 1);
    if (sum > limits.result) throw new RangeError('it holds one thing too many times');
    if (type === 'application/msgpack') known.set(item, sum);
    return sum;
  };
  extent(value, 0);
}

/** Whether JSON keeps `value` as it is. Throws for what no encoding keeps. */
function survey(value: unknown, path: string, above: Set<object>, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'undefined':
    case 'bigint':
      return false;
    case 'function':
    case 'symbol':
      throw notSendable(path, `is a ${typeof value}`);
  }
  if (value === null) return true;
  const object = value as object;
  if (above.has(object)) throw notSendable(path, 'contains itself');
  if (depth > MAX_DEPTH) throw notSendable(path, `is nested deeper than ${MAX_DEPTH} levels`);
  above.add(object);
  const lossless = surveyObject(object, path, above, depth + 1);
  above.delete(object);
  return lossless;
}

function surveyObject(object: object, path: string, above: Set<object>, depth: number): boolean {
  if (Array.isArray(object)) {
    let lossless = true;
    for (let i = 0; i < object.length; i++) {
      if (!(i in object)) lossless = false;
      else if (!survey(object[i], `${path}[${i}]`, above, depth)) lossless = false;
    }
    return lossless;
  }
  if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer || object instanceof Date || object instanceof RegExp)
    return false;
  if (object instanceof Map) {
    for (const [key, item] of object) {
      const name = typeof key === 'object' ? '…' : String(key);
      survey(key, `${path}.key(${name})`, above, depth);
      survey(item, `${path}.get(${name})`, above, depth);
    }
    return false;
  }
  if (object instanceof Set) {
    let i = 0;
    for (const item of object) survey(item, `${path}.item(${i++})`, above, depth);
    return false;
  }
  if (object instanceof Error) return false;
  const prototype = Object.getPrototypeOf(object);
  if (!isPlain(prototype)) {
    throw notSendable(path, `is an instance of ${prototype.constructor.name || 'a class'}`);
  }
  let lossless = !('toJSON' in object) && !Object.hasOwn(object, '__proto__');
  for (const [key, item] of Object.entries(object)) {
    if (!survey(item, `${path}.${key}`, above, depth)) lossless = false;
  }
  return lossless;
}

/** Whether all of an object with this prototype is in its own properties. */
function isPlain(prototype: object | null): boolean {
  if (prototype === null || typeof prototype.constructor !== 'function' || prototype.constructor.name === 'Object')
    return true;
  // A class without a name and without members: that of `process.env` is such a one.
  return prototype.constructor.name === '' && Reflect.ownKeys(prototype).length === 1;
}

function notSendable(path: string, why: string): RunaboutError {
  return new RunaboutError('result-not-sendable', `The value${path === '' ? '' : ` at ${path}`} ${why}.`, {
    hint: 'Send plain objects, arrays, strings, numbers, Map, Set, Date, BigInt or typed arrays.',
  });
}
