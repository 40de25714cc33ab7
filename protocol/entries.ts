/**
 * Where the program of another process or thread stands. All bundles lie side by side in `dist/`; code that runs from
 * its TypeScript source (unit tests) uses the bundles of the checkout.
 * @param name a bundle of `scripts/build.mjs`, for example `worker` for `dist/worker.js`
 */
export function programUrl(name: string): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL(`../dist/${name}.js`, import.meta.url)
    : new URL(`./${name}.js`, import.meta.url);
}
