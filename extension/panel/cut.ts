import type { ViewNode } from '../../protocol/panel/messages.ts';
import { preview } from '../../protocol/values/preview.ts';

/** What a tree may hold at most, so that the page stays quick whatever a function returns. */
export interface CutLimits {
  depth: number;
  entries: number;
  stringLength: number;
  /** Of the whole tree. */
  nodes: number;
  characters: number;
}

export const treeLimits: CutLimits = {
  depth: 12,
  entries: 1000,
  stringLength: 10_000,
  nodes: 5_000,
  characters: 500_000,
};

/** A value as a tree to look at. `cut` says whether anything is missing. */
export function cutValue(value: unknown, limits: CutLimits = treeLimits): { tree: ViewNode; cut: boolean } {
  const cutter = new Cutter(limits);
  const tree = cutter.node(value, 0);
  return { tree, cut: cutter.cut };
}

class Cutter {
  readonly #limits: CutLimits;
  #nodes = 0;
  #characters = 0;
  cut = false;

  constructor(limits: CutLimits) {
    this.#limits = limits;
  }

  node(value: unknown, depth: number): ViewNode {
    this.#nodes += 1;
    if (typeof value === 'string') return this.#leaf('string', this.#text(value));
    if (typeof value !== 'object' || value === null || isLeafObject(value)) {
      return this.#leaf(typeName(value), this.#text(leafText(value)));
    }
    return this.#branch(value, depth);
  }

  #leaf(type: string, text: string): ViewNode {
    this.#characters += text.length;
    return { kind: 'leaf', type, text };
  }

  #text(text: string): string {
    const room = Math.max(0, Math.min(this.#limits.stringLength, this.#limits.characters - this.#characters));
    if (text.length <= room) return text;
    this.cut = true;
    return `${text.slice(0, room)}…`;
  }

  #branch(value: object, depth: number): ViewNode {
    const size = sizeOf(value);
    const label = labelOf(value, size);
    const entries: { key: string; value: ViewNode }[] = [];
    if (depth < this.#limits.depth) {
      for (const [key, item] of entriesOf(value)) {
        const full =
          entries.length >= this.#limits.entries ||
          this.#nodes >= this.#limits.nodes ||
          this.#characters >= this.#limits.characters;
        if (full) break;
        this.#characters += key.length;
        entries.push({ key: this.#text(key), value: this.node(item, depth + 1) });
      }
    }
    const omitted = size - entries.length;
    if (omitted > 0) this.cut = true;
    return { kind: 'branch', type: typeName(value), label, entries, omitted };
  }
}

const isBytes = (value: object): value is Uint8Array | ArrayBuffer =>
  value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof DataView;

function isLeafObject(value: object): boolean {
  return value instanceof Date || value instanceof RegExp || value instanceof Error || isBytes(value);
}

function leafText(value: unknown): string {
  if (value instanceof Uint8Array) return bytesText(value);
  if (value instanceof ArrayBuffer) return bytesText(new Uint8Array(value));
  return preview(value, 2000);
}

const BYTES_SHOWN = 64;

function bytesText(value: Uint8Array): string {
  const shown = Buffer.from(value.buffer, value.byteOffset, Math.min(BYTES_SHOWN, value.length)).toString('hex');
  return `${value.length} bytes: ${shown.replace(/(..)(?=.)/g, '$1 ')}${value.length > BYTES_SHOWN ? ' …' : ''}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'array';
  // Of its prototype: a property of the value may have the same name.
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? name : 'object';
}

function sizeOf(value: object): number {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return (value as unknown as ArrayLike<unknown>).length;
  if (value instanceof Map || value instanceof Set) return value.size;
  return Object.keys(value).length;
}

function labelOf(value: object, size: number): string {
  if (Array.isArray(value)) return `[${size}]`;
  const name = typeName(value);
  return name === 'object' ? `{${size}}` : `${name}(${size})`;
}

function* entriesOf(value: object): Generator<[string, unknown]> {
  if (value instanceof Map) {
    for (const [key, item] of value) yield [typeof key === 'string' ? key : preview(key, 200), item];
  } else if (value instanceof Set) {
    let i = 0;
    for (const item of value) yield [String(i++), item];
  } else if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const array = value as unknown as ArrayLike<unknown>;
    for (let i = 0; i < array.length; i++) yield [String(i), array[i]];
  } else {
    for (const key of Object.keys(value)) yield [key, (value as Record<string, unknown>)[key]];
  }
}
