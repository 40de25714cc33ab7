import { pathToFileURL } from 'node:url';
import { RunaboutError } from '../../protocol/errors/error.ts';

export type UserFunction = (...args: unknown[]) => unknown;

/**
 * Bundles that this process has loaded, by digest. Modules cannot be unloaded, so the worker retires when it has loaded
 * {@link MAX_LOADED}.
 */
const loaded = new Map<string, UserFunction>();
const MAX_LOADED = 64;

/** The function of a bundle if it is loaded already. */
export function loadedFunction(digest: string): UserFunction | undefined {
  return loaded.get(digest);
}

/**
 * Loads a bundle and returns the function it exports by default. What the bundle's top level throws is passed on.
 * @throws RunaboutError `bundle-not-loadable` when there is no such function
 */
export async function loadFunction(digest: string, file: string): Promise<UserFunction> {
  const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  if (typeof module.default !== 'function') {
    throw new RunaboutError('bundle-not-loadable', 'The bundle has no function as its default export.', {
      hint: 'Push the function again.',
    });
  }
  const entry = module.default as UserFunction;
  loaded.set(digest, entry);
  return entry;
}

export function hasLoadedEnough(): boolean {
  return loaded.size >= MAX_LOADED;
}
