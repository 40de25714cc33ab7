/**
 * A value in one line, for the end of a source line, a lens or a terminal: at most `max` characters, line breaks and
 * control characters replaced, large things summed up rather than walked.
 */
export function preview(value: unknown, max = 80): string {
  const text = show(value, max, 0);
  return text.length <= max ? text : `${text.slice(0, Math.max(0, max - 1))}…`;
}

function show(value: unknown, budget: number, depth: number): string {
  if (typeof value === 'string') return depth === 0 ? oneLine(value, budget) : `'${oneLine(value, budget)}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Error) return `${value.name}: ${oneLine(value.message, budget)}`;
  if (value instanceof RegExp) return String(value);
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
  if (value instanceof DataView) return `DataView(${value.byteLength})`;
  if (ArrayBuffer.isView(value)) {
    const array = value as unknown as ArrayLike<unknown>;
    return `${value.constructor.name}(${array.length}) [${list(array.length, i => show(array[i], budget, depth + 1), budget)}]`;
  }
  if (depth > 3) return Array.isArray(value) ? `[${value.length}]` : '{…}';
  if (Array.isArray(value)) return `[${list(value.length, i => show(value[i], budget, depth + 1), budget)}]`;
  if (value instanceof Set) {
    const items = [...firstOf(value, budget)];
    return `Set(${value.size}) {${list(items.length, i => show(items[i], budget, depth + 1), budget)}}`;
  }
  if (value instanceof Map) {
    const pairs = [...firstOf(value, budget)];
    const pair = (i: number) => `${show(pairs[i]![0], budget, depth + 1)} => ${show(pairs[i]![1], budget, depth + 1)}`;
    return `Map(${value.size}) {${list(pairs.length, pair, budget)}}`;
  }
  const keys = Object.keys(value);
  const entry = (i: number) =>
    `${keyText(keys[i]!)}: ${show((value as Record<string, unknown>)[keys[i]!], budget, depth + 1)}`;
  return keys.length === 0 ? '{}' : `{ ${list(keys.length, entry, budget)} }`;
}

function list(length: number, item: (i: number) => string, budget: number): string {
  let text = '';
  for (let i = 0; i < length; i++) {
    if (text.length > budget) return `${text}, …`;
    text += (i === 0 ? '' : ', ') + item(i);
  }
  return text;
}

function* firstOf<T>(items: Iterable<T>, count: number): Generator<T> {
  let i = 0;
  for (const item of items) {
    if (i++ >= count) return;
    yield item;
  }
}

const keyText = (key: string) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : `'${oneLine(key, 40)}'`);

/** Control and bidirectional-override characters: they would break the line, or make it read as something else. */
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

function oneLine(text: string, budget: number): string {
  return text
    .slice(0, budget + 1)
    .replace(/\r\n|[\r\n\u2028\u2029]/g, '⏎')
    .replace(UNPRINTABLE, ' ');
}
