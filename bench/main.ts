// `npm run bench -- NAME [options]`: one line of JSON on standard output, progress on standard error. Figures are for
// docs/performance.md; each comes with a peer or the raw transport measured in the same run, since machines differ.
import { buildIfStale } from '../scripts/build.mjs';
import { backlog } from './backlog.ts';
import { batch } from './batch.ts';
import { core } from './core.ts';
import { editor } from './editor/editor.ts';
import { recovery } from './recovery.ts';
import { scale } from './scale.ts';

const benches: Record<string, (args: string[]) => Promise<unknown>> = {
  core,
  batch,
  backlog,
  recovery,
  scale,
  editor,
};

const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (!bench) {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join(' | ')} [options]`);
  process.exit(2);
}
await buildIfStale();
console.log(JSON.stringify(await bench(args)));
