import type * as Esbuild from 'esbuild';

/**
 * Node's own way to `require`, `__filename` and `__dirname`, for CommonJS packages inside an ES module. The second pass
 * drops what is not used.
 */
export const commonJsBanner = [
  'const require = /* @__PURE__ */ (() => process.getBuiltinModule("node:module").createRequire(import.meta.url))();',
  'const __runaboutFile = /* @__PURE__ */ (() => process.getBuiltinModule("node:url").fileURLToPath(import.meta.url))();',
  'const __runaboutFolder = /* @__PURE__ */ (() => process.getBuiltinModule("node:path").dirname(__runaboutFile))();',
].join('\n');

/** Free `__filename` and `__dirname` in any module mean those of the banner. */
export const commonJsDefines = { __filename: '__runaboutFile', __dirname: '__runaboutFolder' };

/** A module that is wrapped in a function carries its path, relative to the project, as that function's name. */
const WRAPPER_KEY = /^( {2})"([^"\n]+)"((?:\(exports(?:, module)?\)|\(\)) \{)$/gm;

/**
 * Second pass over a bundle: makes the code small and takes everything out of it that depends on where the project
 * lies. esbuild leaves two such traces: the paths of wrapped modules (`../node_modules/ms/index.js`; elsewhere the same
 * package may lie one folder higher), and variables named after files and folders (`my_folder_default`). The first
 * become paths from their package on; the second vanish when identifiers are made short. Names of functions are kept as
 * values by `keepNames` in the first pass, so stacks still read well.
 *
 * Shortening happens only here, when code that is not reachable is gone: esbuild gives out short names by how often
 * letters occur in the whole text of a file, so in one pass an edit of *another* function would change the digest.
 *
 * @param code a bundle that was not minified, with its source map inline
 */
export async function forgetPaths(
  esbuild: typeof Esbuild,
  code: string,
): Promise<{ code: Uint8Array; map: Esbuild.TransformResult['map'] }> {
  const neutral = code.replace(
    WRAPPER_KEY,
    (_, indent, path: string, rest) => `${indent}${JSON.stringify(label(path))}${rest}`,
  );
  const result = await esbuild.transform(neutral, {
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: true,
    treeShaking: true,
    legalComments: 'none',
    charset: 'utf8',
    sourcemap: 'external',
    sourcefile: 'bundle.mjs',
    logLevel: 'silent',
  });
  return { code: Buffer.from(result.code, 'utf8'), map: result.map };
}

/** A path from its package on; paths of the project itself stay. */
function label(path: string): string {
  const at = path.lastIndexOf('node_modules/');
  return at < 0 ? path : path.slice(at + 'node_modules/'.length);
}
