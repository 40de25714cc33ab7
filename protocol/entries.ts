/**
 * Where the program of another process or thread stands. All bundles lie side by side in `dist/`; code that runs from
 * its TypeScript source (unit tests) uses the bundles of the checkout.
 * @param name a bundle of `scripts/build.mjs`, for example `worker` for `dist/worker.js`
 */
export function programUrl(name: string): URL {
  const here = import.meta.url;
  if (here.endsWith('.ts')) return new URL(`../dist/${name}.js`, here);
  // What several bundles share lies one folder down.
  return new URL(/\/chunks\/[^/]+$/.test(here) ? `../${name}.js` : `./${name}.js`, here);
}
