import { build } from 'esbuild';
import { type Digest, digestOf } from '../../protocol/ids.ts';

export interface TestBundle {
  code: Uint8Array;
  digest: Digest;
  map: Uint8Array;
  mapDigest: Digest;
}

/** Bundles a module whose default export is the function, as the language server does; its source is called `file`. */
export async function bundleOf(source: string, file = 'src/function.ts'): Promise<TestBundle> {
  const { outputFiles } = await build({
    stdin: { contents: source, sourcefile: file, loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    sourcemap: 'external',
    minifyWhitespace: true,
    write: false,
    logLevel: 'error',
    outfile: 'bundle.mjs',
  });
  const map = outputFiles.find(({ path }) => path.endsWith('.map'))!.contents;
  const code = outputFiles.find(({ path }) => path.endsWith('.mjs'))!.contents;
  return { code, digest: digestOf(code), map, mapDigest: digestOf(map) };
}
