import type { ValueView } from '../../protocol/panel/messages.ts';
import { preview } from '../../protocol/values/preview.ts';

export const viewLimits = {
  rows: 1000,
  columns: 50,
  /** Characters of one cell. */
  cell: 300,
  points: 2000,
  imageBytes: 8 * 1024 * 1024,
} as const;

/** How a value may be shown besides its tree: records as a table, numbers as a plot, PNG bytes as an image. */
export function viewOf(value: unknown): ValueView | undefined {
  return imageOf(value) ?? plotOf(value) ?? tableOf(value);
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function imageOf(value: unknown): ValueView | undefined {
  const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
  if (!(bytes instanceof Uint8Array) || bytes.length > viewLimits.imageBytes) return undefined;
  if (!PNG.every((byte, i) => bytes[i] === byte)) return undefined;
  return { kind: 'image', mime: 'image/png', base64: Buffer.from(bytes).toString('base64') };
}

function plotOf(value: unknown): ValueView | undefined {
  const numbers = numbersOf(value);
  if (!numbers || numbers.length < 2) return undefined;
  return { kind: 'plot', y: sample(numbers, viewLimits.points), length: numbers.length };
}

function numbersOf(value: unknown): ArrayLike<number> | undefined {
  if (value instanceof Uint8Array || value instanceof DataView) return undefined;
  if (ArrayBuffer.isView(value)) {
    const array = value as unknown as ArrayLike<unknown>;
    return typeof array[0] === 'number' ? (array as ArrayLike<number>) : undefined;
  }
  if (!Array.isArray(value)) return undefined;
  return value.every(item => typeof item === 'number') ? value : undefined;
}

/**
 * At most `most` of the numbers, in order: the smallest and the largest of each stretch, so that no peak is lost.
 */
export function sample(numbers: ArrayLike<number>, most: number): number[] {
  if (numbers.length <= most) return Array.from(numbers);
  const stretches = Math.floor(most / 2);
  const y: number[] = [];
  for (let i = 0; i < stretches; i++) {
    const from = Math.floor((i * numbers.length) / stretches);
    const to = Math.floor(((i + 1) * numbers.length) / stretches);
    let low = from;
    let high = from;
    for (let j = from; j < to; j++) {
      if (numbers[j]! < numbers[low]!) low = j;
      if (numbers[j]! > numbers[high]!) high = j;
    }
    y.push(numbers[Math.min(low, high)]!, numbers[Math.max(low, high)]!);
  }
  return y;
}

function tableOf(value: unknown): ValueView | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const shown = value.slice(0, viewLimits.rows);
  if (!shown.every(isRecord)) return undefined;
  const all = new Set(shown.flatMap(row => Object.keys(row)));
  const columns = [...all].slice(0, viewLimits.columns);
  if (columns.length === 0) return undefined;
  const rows = shown.map(row => columns.map(column => (column in row ? preview(row[column], viewLimits.cell) : '')));
  return { kind: 'table', columns, rows, omitted: value.length - shown.length };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || prototype.constructor?.name === 'Object';
}
