// A project as people have them, made for one run: a module of thousands of lines with dozens of marks, which imports
// local modules and packages of npm, and a small module to run from.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

export interface Project {
  folder: string;
  /** The large module, its text, and the names of its marked functions in order. */
  large: { file: string; text: string; marked: string[] };
  /** The small module and its text: `changing` gives another value at each call. */
  small: { file: string; text: string };
  remove(): void;
}

/** @param marks how many marked functions the large module has, each with about 130 lines around it */
export function makeProject(marks = 40): Project {
  const out = join(checkout, 'out');
  mkdirSync(out, { recursive: true });
  // Inside the checkout, so that its packages are found.
  const folder = mkdtempSync(join(out, 'bench-editor-'));
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  write('package.json', JSON.stringify({ name: 'bench', type: 'module', private: true }));
  write('numbers.ts', NUMBERS);
  write('tables.ts', TABLES);
  write('words.ts', WORDS);
  write('bare.ts', 'export const bare = 1;\n');
  const text = HEAD + Array.from({ length: marks }, (_, i) => section(i)).join('');
  return {
    folder,
    large: { file: write('reports.ts', text), text, marked: Array.from({ length: marks }, (_, i) => `report${i}`) },
    small: { file: write('small.ts', SMALL), text: SMALL },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

const NUMBERS = `export const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
export const mean = (xs: readonly number[]): number => (xs.length === 0 ? Number.NaN : sum(xs) / xs.length);
export function spread(xs: readonly number[]): { least: number; most: number } {
  return { least: Math.min(...xs), most: Math.max(...xs) };
}
`;

const TABLES = `import { mean } from './numbers.ts';

export interface Table<Row> {
  columns: (keyof Row)[];
  rows: Row[];
}

export function groupBy<Row, Key extends string>(rows: Row[], key: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}

export const columnMean = <Row>(rows: Row[], value: (row: Row) => number): number => mean(rows.map(value));
`;

const WORDS = `import prettyMs from 'pretty-ms';

export const duration = (ms: number): string => prettyMs(ms);
export const title = (words: string[]): string => words.map(word => word[0]!.toUpperCase() + word.slice(1)).join(' ');
`;

const SMALL = `import { mean } from './numbers.ts';
import { title } from './words.ts';

/** @remote */
export function changing(): string {
  const now = performance.timeOrigin + performance.now();
  return title(['at', String(mean([now, now]))]) + ' v1';
}
`;

const HEAD = `import { DateTime } from 'luxon';
import pLimit from 'p-limit';
import * as z from 'zod';
import { mean, spread, sum } from './numbers.ts';
import { columnMean, groupBy, type Table } from './tables.ts';
import { duration, title } from './words.ts';

/** How many reports were made: its changes have to be looked for after every edit. */
let made = 0;

`;

/** One report with what belongs to it. Every fifth checks its rows with zod, every seventh knows time zones. */
function section(i: number): string {
  const checks = i % 5 === 0;
  const zones = i % 7 === 3;
  const metrics = Array.from({ length: 6 }, (_, m) => metric(i, m)).join('');
  return `
export interface Reading${i} {
  station: string;
  at: number;
  value: number;
  flags?: ReadonlyArray<'late' | 'estimated' | 'manual'>;
}

export type Summary${i} = { [Station in Reading${i}['station']]: { mean: number; spread: number; label: string } };

${checks ? `const Row${i} = z.object({ station: z.string().min(1), at: z.number(), value: z.number().finite() });\n` : ''}
const weights${i}: Record<string, number> = {
  north: ${i + 1},
  south: ${i * 2 + 1},
  east: ${i * 3 + 1},
  west: ${i * 5 + 1},
};

class Window${i} {
  readonly #rows: Reading${i}[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  /** Adds a reading, and lets the oldest go. */
  add(row: Reading${i}): this {
    this.#rows.push(row);
    if (this.#rows.length > this.#size) this.#rows.shift();
    return this;
  }

  get mean(): number {
    return columnMean(this.#rows, row => row.value * (weights${i}[row.station] ?? 1));
  }

  *[Symbol.iterator](): Generator<Reading${i}> {
    yield* this.#rows;
  }
}
${metrics}
async function collect${i}(rows: Reading${i}[]): Promise<Table<Reading${i}>> {
  const limit = pLimit(4);
  const checked = await Promise.all(rows.map(row => limit(async () => ${checks ? `Row${i}.parse(row)` : 'row'})));
  return { columns: ['station', 'at', 'value'], rows: checked as Reading${i}[] };
}

/**
 * Report ${i}: readings by station, smoothed and labelled.
 * @param rows the readings, in order of time
 * @param size how many readings a window holds
 * @remote timeout=30s
 * @example report${i}([{ station: 'north', at: 0, value: 1 }], 3)
 */
export async function report${i}(rows: Reading${i}[], size = 3): Promise<Summary${i}> {
  const table = await collect${i}(rows);
  const summary: Summary${i} = {};
  for (const [station, group] of groupBy(table.rows, row => row.station)) {
    const window = new Window${i}(size);
    const smooth = group.map(row => window.add(row).mean);
    const { least, most } = spread(smooth);
${i % 10 === 0 ? '    made += 1;\n' : ''}    const scores = [${Array.from({ length: 6 }, (_, m) => `metric${i}_${m}(group)`).join(', ')}];
    summary[station] = {
      mean: mean(smooth) + sum(scores),
      spread: most - least,
      label: \`\${title(['report', station])}, \${${zones ? "DateTime.fromMillis(group[0]!.at, { zone: 'utc' }).toISODate()" : 'duration(group.length)'}}\`,
    };
  }
  return summary;
}
`;
}

function metric(i: number, m: number): string {
  return `
/** Weighs what is late, estimated or written by hand: the ${m}. of report ${i}. */
function metric${i}_${m}(rows: readonly Reading${i}[]): number {
  let total = ${m};
  for (const [index, { value, flags = [], station }] of rows.entries()) {
    const weight = weights${i}[station] ?? 1;
    if (flags.includes('late')) total += value / (index + ${m + 1});
    else if (flags.includes('estimated')) total += value * weight * 0.5;
    else total += index % ${m + 2} === 0 ? value * weight : -value;
  }
  return Number.isFinite(total) ? total : ${i};
}
`;
}
