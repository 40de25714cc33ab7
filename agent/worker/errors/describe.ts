import type { TraceMap } from '@jridgewell/trace-mapping';
import type { ErrorCode } from '../../../protocol/errors/registry.ts';
import { limits } from '../../../protocol/limits.ts';
import type { TaskError } from '../../../protocol/tasks/error.ts';
import { preview } from '../../../protocol/values/preview.ts';
import { type CodePlaces, mapFrames, mapHead } from './mapping.ts';
import { frameText, parseStack } from './stack.ts';

/** Causes of causes that are kept. */
const MAX_CAUSES = 8;
/** A cause is cut shorter than the error itself: together they have to fit into a message header. */
const CAUSE_TEXT = 2048;
const CAUSE_FRAMES = 20;
const MAX_BYTES = limits.header / 2;

/**
 * Whatever a function threw, as an error of the task: name, message, stack and causes, mapped to the user's files.
 * Never throws, whatever strange object it is given.
 */
export function describeThrown(
  thrown: unknown,
  code: ErrorCode,
  places: CodePlaces,
  map: TraceMap | undefined,
): TaskError {
  const error = describe(thrown, code, places, map, 0, new Set());
  if (Buffer.byteLength(JSON.stringify(error)) <= MAX_BYTES) return error;
  return { code, name: error.name, message: cut(error.message, CAUSE_TEXT), frames: error.frames?.slice(0, 5) };
}

/** The stack as V8 gives it; empty for what has none. */
export function stackOf(thrown: unknown): string {
  return text(() => (thrown as Error | null)?.stack);
}

function describe(
  thrown: unknown,
  code: ErrorCode,
  places: CodePlaces,
  map: TraceMap | undefined,
  depth: number,
  seen: Set<unknown>,
): TaskError {
  const length = depth === 0 ? limits.errorText : CAUSE_TEXT;
  if (!isError(thrown)) {
    return { code, message: cut(`Not an Error was thrown, but ${kindOf(thrown)}: ${safePreview(thrown)}`, length) };
  }
  seen.add(thrown);
  const { head, frames: raw } = parseStack(stackOf(thrown));
  const frames = mapFrames(raw, places, map).slice(0, depth === 0 ? undefined : CAUSE_FRAMES);
  const name = nameOf(thrown);
  const message = messageOf(thrown);
  const error: TaskError = {
    code,
    name,
    message: cut(message, length),
    stack: cut([mapHead(head, places) || `${name}: ${message}`, ...frames.map(frameText)].join('\n'), length),
    frames,
  };
  const cause = read(() => thrown.cause);
  if (cause !== undefined && cause !== null && depth < MAX_CAUSES && !seen.has(cause)) {
    error.cause = describe(cause, code, places, map, depth + 1, seen);
  }
  return error;
}

function isError(value: unknown): value is Error {
  return read(() => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]') === true;
}

/** Classes that extend Error seldom set `name`; their constructor knows it. */
function nameOf(error: Error): string {
  const name = text(() => error.name) || 'Error';
  const className = text(() => error.constructor.name);
  return cut(name === 'Error' && className !== '' ? className : name, 256);
}

/** An AggregateError says by itself only that there were several. */
function messageOf(error: Error): string {
  const message = text(() => error.message);
  const parts = read(() => (error as AggregateError).errors);
  if (!Array.isArray(parts) || parts.length === 0) return message;
  const list = parts
    .slice(0, 10)
    .map(part => (isError(part) ? `${nameOf(part)}: ${messageOf(part)}` : safePreview(part)));
  return `${message}${message === '' ? '' : ' '}[${list.join('; ')}${parts.length > 10 ? '; …' : ''}]`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object';
  return value === undefined ? 'undefined' : `a ${typeof value}`;
}

function safePreview(value: unknown): string {
  return read(() => preview(value, 400)) ?? 'one that cannot be shown';
}

/** What a property gives, or `undefined` when looking at it throws. */
function read<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function text(look: () => unknown): string {
  const value = read(look);
  return typeof value === 'string' ? value : '';
}

function cut(value: string, length: number): string {
  return value.length <= length ? value : `${value.slice(0, length - 1)}…`;
}
