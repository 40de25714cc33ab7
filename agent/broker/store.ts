import got, { HTTPError } from 'got';
import { Problem, RunaboutError } from '../../protocol/errors/error.ts';
import type { Digest } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { BlobCache } from '../blobs/cache.ts';
import type { EndpointToken } from '../endpoint/token.ts';

/** `bundles` for code and source maps, `blobs` for arguments and results. */
export type BlobKind = 'bundles' | 'blobs';

/** Bundles and blobs, between the broker's REST interface and the cache of this endpoint. */
export class BrokerStore {
  readonly #got;
  readonly #cache: BlobCache;
  readonly #fetching = new Map<Digest, Promise<void>>();

  constructor(url: string, token: Pick<EndpointToken, 'current'>, agentVersion: string, cache: BlobCache) {
    this.#cache = cache;
    this.#got = got.extend({
      prefixUrl: `${url.replace(/\/+$/, '')}/v1`,
      headers: { 'user-agent': `runabout-agent/${agentVersion}` },
      hooks: {
        beforeRequest: [
          options => {
            options.headers.authorization = `Bearer ${token.current}`;
          },
        ],
      },
      timeout: { connect: 10_000, response: 60_000, request: 300_000 },
      retry: { limit: 4, methods: ['GET', 'PUT', 'HEAD'], statusCodes: [429, 502, 503, 504] },
      followRedirect: false,
    });
  }

  /**
   * Makes sure that a blob is in the cache, and pins it there: the caller unpins it. Fetched once, whoever asks.
   * @throws RunaboutError `digest-mismatch`, `not-found`, `broker-unreachable`
   */
  async hold(kind: BlobKind, digest: Digest): Promise<void> {
    while (!(await this.#cache.pin(digest))) {
      let fetching = this.#fetching.get(digest);
      if (!fetching) {
        fetching = this.#fetch(kind, digest).finally(() => this.#fetching.delete(digest));
        this.#fetching.set(digest, fetching);
      }
      await fetching;
    }
  }

  /**
   * Uploads a blob of the cache.
   * @throws RunaboutError `task-lost` when the cache does not have it any more; `result-too-large`, `not-found` when the
   * broker will not take it; `broker-unreachable`
   */
  async upload(digest: Digest): Promise<void> {
    const bytes = await this.#cache.read(digest).catch((error: Error) => {
      throw new RunaboutError('task-lost', `The result is gone from the cache of the endpoint: ${error.message}`);
    });
    try {
      await this.#got.put(`blobs/${digest}`, {
        body: bytes,
        headers: { 'content-type': 'application/octet-stream' },
      });
    } catch (error) {
      throw explain(error, 'A result could not be uploaded');
    }
  }

  async #fetch(kind: BlobKind, digest: Digest): Promise<void> {
    let bytes: Buffer;
    try {
      const tooLarge = new AbortController();
      const request = this.#got(`${kind}/${digest}`, { responseType: 'buffer', signal: tooLarge.signal });
      request.on('downloadProgress', ({ transferred }) => {
        if (transferred > limits.blob) tooLarge.abort();
      });
      bytes = (await request).rawBody as Buffer;
    } catch (error) {
      throw explain(error, kind === 'bundles' ? 'The code could not be fetched' : 'The arguments could not be fetched');
    }
    await this.#cache.put(digest, bytes);
  }
}

function explain(error: unknown, what: string): RunaboutError {
  if (error instanceof RunaboutError) return error;
  if (error instanceof HTTPError) {
    const problem = Problem.safeParse(tryJson(error.response.rawBody));
    const why = problem.success ? problem.data.detail : `the broker answered ${error.response.statusCode}`;
    const { statusCode } = error.response;
    const mayPass = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    const code = mayPass ? 'broker-unreachable' : statusCode === 413 ? 'result-too-large' : 'not-found';
    return new RunaboutError(code, `${what}: ${why}`, { cause: error });
  }
  return new RunaboutError('broker-unreachable', `${what}: ${(error as Error).message}`, { cause: error });
}

function tryJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
