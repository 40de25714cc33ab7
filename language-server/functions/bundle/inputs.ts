import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Metafile } from './esbuild.ts';

/** The files that went into a bundle, as they were then. */
export class Inputs {
  readonly #stamps: Map<string, string>;
  readonly #imported: Set<string>;

  /** @param texts files that were not read from disk */
  constructor({ inputs }: Metafile, root: string, texts: ReadonlyMap<string, string>) {
    const files = Object.keys(inputs).filter(input => !input.includes('runabout:') && !input.startsWith('runabout-'));
    const read = files.map(input => resolve(root, input)).filter(file => !texts.has(file));
    this.#stamps = new Map(read.map(file => [file, stamp(file)]));
    this.#imported = new Set(files.flatMap(input => inputs[input]!.imports.map(({ path }) => resolve(root, path))));
  }

  /** Whether any of them imports `file`. */
  import(file: string): boolean {
    return this.#imported.has(file);
  }

  areUnchanged(): boolean {
    for (const [file, before] of this.#stamps) if (stamp(file) !== before) return false;
    return true;
  }
}

function stamp(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats ? `${stats.mtimeMs} ${stats.size}` : 'gone';
}
