import { RunaboutError } from '../../protocol/errors/error.ts';
import type { Bundle, BundleRequest } from '../functions/bundle/bundle.ts';
import { Thread } from './thread.ts';

export interface BundleQuestion extends Omit<BundleRequest, 'signal'> {
  /** Digests of code and map of the bundle that the asker has: it is not sent again. */
  have: Have | undefined;
}

export type Have = Pick<Bundle, 'digest' | 'mapDigest'>;

/** A bundle, without what the asker has. */
export type BundleAnswer = Omit<Bundle, 'code' | 'map'> & Partial<Pick<Bundle, 'code' | 'map'>>;

/** Makes bundles in a thread of its own: texts, source maps and digests of megabytes take their time. */
export class BundlerThread {
  readonly #thread = new Thread<BundleQuestion, BundleAnswer>(
    new URL('./bundler.cjs', import.meta.url),
    why => new RunaboutError('bundle-failed', `The bundler has stopped: ${why}.`),
  );

  /**
   * As `Bundler.bundle`.
   * @param have the last bundle of this function, whose code and map are taken over where they are the same
   */
  async bundle({ signal, ...request }: BundleRequest, have: Bundle | undefined): Promise<Bundle> {
    const known = have && { digest: have.digest, mapDigest: have.mapDigest };
    const { code = have!.code, map = have!.map, ...rest } = await this.#thread.ask({ ...request, have: known }, signal);
    return { ...rest, code, map };
  }

  dispose(): Promise<void> {
    return this.#thread.dispose();
  }
}
