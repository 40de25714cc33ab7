// The campaign's own bundles of the product: with failpoints in place, and for a mutant with its change.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { programs } from '../../scripts/build.mjs';
import { failpointPlugin } from './failpoints.ts';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A change of one source: `from` has to be there exactly once. */
export interface Replacement {
  file: string;
  from: string;
  to: string;
}

export interface Programs {
  /** Where the bundles are: `broker.js`, `agent.js`, `client.js` and what they start. */
  folder: string;
  /** Where failpoints are armed; see `arming.ts`. */
  failpoints: string;
}

/** @param name of the folder under out/faults/ that gets the bundles */
export async function buildPrograms(name: string, replacements: readonly Replacement[] = []): Promise<Programs> {
  const folder = join(repository, 'out', 'faults', name);
  rmSync(folder, { recursive: true, force: true });
  const failpoints = join(folder, 'failpoints');
  mkdirSync(failpoints, { recursive: true });
  const unused = new Set(replacements);
  const change = (path: string, source: string) => {
    let text = source;
    for (const replacement of replacements) {
      if (replacement.file !== path) continue;
      unused.delete(replacement);
      const parts = text.split(replacement.from);
      if (parts.length !== 2) {
        throw new Error(`${path} has ${parts.length - 1} places like this, not one:\n${replacement.from}`);
      }
      text = parts.join(replacement.to);
    }
    return text;
  };
  const { runabout: _, ...entryPoints } = programs.entryPoints;
  await build({
    ...programs,
    entryPoints: {
      ...entryPoints,
      broker: 'test/faults/programs/broker.ts',
      client: 'test/faults/programs/client.ts',
    },
    outdir: folder,
    define: { FAILPOINT_FOLDER: JSON.stringify(failpoints) },
    plugins: [failpointPlugin(repository, change)],
  });
  if (unused.size > 0) throw new Error(`No source of a program is ${[...unused].map(({ file }) => file).join(', ')}.`);
  return { folder, failpoints };
}
