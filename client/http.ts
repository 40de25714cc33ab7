import type { Got, Method } from 'got';
import type { z } from 'zod';
import { fromProblem, Problem, RunaboutError } from '../protocol/errors/error.ts';

/** Loaded with the first call: it takes longer than an editor lets an extension, or a person a command, start. */
const library = () => import('got');

export interface Connection {
  /** Address of the broker, for example `http://127.0.0.1:7411`. */
  url: string;
  token: string;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** Told how long the broker itself took for its answer, in milliseconds (its `Server-Timing` header). */
  onBrokerTime?: ((ms: number) => void) | undefined;
}

interface Call extends CallOptions {
  method?: Method;
  query?: object | undefined;
  json?: unknown;
  bytes?: Uint8Array;
  /** How long the answer may take, in milliseconds. */
  timeoutMs?: number;
  /** Whether a failed call may be sent again. GET, PUT and DELETE always may. */
  idempotent?: boolean;
}

/** REST calls of one broker, with the token in the header and every failure as a RunaboutError. */
export class Http {
  readonly url: string;
  readonly #make: () => Promise<Got>;
  #got: Promise<Got> | undefined;

  constructor({ url, token }: Connection, userAgent: string) {
    this.url = url.replace(/\/+$/, '');
    this.#make = async () =>
      (await library()).default.extend({
        prefixUrl: `${this.url}/v1`,
        headers: { authorization: `Bearer ${token}`, 'user-agent': userAgent },
        retry: {
          limit: 2,
          methods: ['GET', 'PUT', 'DELETE', 'HEAD'],
          statusCodes: [502, 503, 504],
          errorCodes: ['ECONNRESET', 'EPIPE'],
        },
        followRedirect: false,
      });
  }

  /** The checked JSON answer. */
  async json<T>(schema: z.ZodType<T>, path: string, call: Call = {}): Promise<T> {
    const body = await this.bytes(path, call);
    const parsed = schema.safeParse(parseJson(body));
    if (parsed.success) return parsed.data;
    throw new RunaboutError(
      'broker-internal',
      `The broker's answer to ${path} is not what this version expects: ${parsed.error.issues[0]?.message}.`,
      {
        hint: 'Broker and client are of different versions: update the older one.',
      },
    );
  }

  /** The answer as bytes; empty for 204. */
  async bytes(
    path: string,
    { method = 'GET', query, json, bytes, timeoutMs = 30_000, idempotent, signal, onBrokerTime }: Call = {},
  ): Promise<Uint8Array> {
    try {
      this.#got ??= this.#make();
      const call = await this.#got;
      const response = await call(path, {
        method,
        responseType: 'buffer',
        timeout: { request: timeoutMs },
        ...(query ? { searchParams: query as Record<string, string | number | boolean | undefined> } : {}),
        ...(json !== undefined ? { json } : {}),
        ...(bytes ? { body: bytes, headers: { 'content-type': 'application/octet-stream' } } : {}),
        ...(idempotent ? { retry: { methods: [method] } } : {}),
        ...(signal ? { signal } : {}),
      });
      onBrokerTime?.(Number(/dur=([\d.]+)/.exec(String(response.headers['server-timing']))?.[1]));
      return response.rawBody;
    } catch (error) {
      throw await this.#explain(error, path);
    }
  }

  /** Whether a resource is there. */
  async exists(path: string, options: CallOptions = {}): Promise<boolean> {
    try {
      await this.bytes(path, { method: 'HEAD', ...options });
      return true;
    } catch (error) {
      if (error instanceof RunaboutError && error.code === 'not-found') return false;
      throw error;
    }
  }

  async #explain(error: unknown, path: string): Promise<unknown> {
    const { HTTPError, RequestError, TimeoutError } = await library();
    if (error instanceof HTTPError) {
      const { statusCode, rawBody } = error.response;
      const problem = Problem.safeParse(parseJson(rawBody));
      if (problem.success) return fromProblem(problem.data);
      // HEAD has no body, and a proxy in between has its own.
      if (statusCode === 404) return new RunaboutError('not-found', `The broker has no ${path}.`);
      if (statusCode === 401)
        return new RunaboutError('token-invalid', 'The broker does not accept the token.', { hint: 'Connect again.' });
      return new RunaboutError(
        'broker-internal',
        `${this.url} answered ${statusCode} to ${path}, and it is not a Runabout broker's answer.`,
        {
          hint: 'Check the address of the broker.',
        },
      );
    }
    if (error instanceof TimeoutError) {
      return new RunaboutError('broker-unreachable', `The broker at ${this.url} did not answer in time.`, {
        cause: error,
      });
    }
    if (error instanceof RequestError && error.name !== 'AbortError') {
      return new RunaboutError(
        'broker-unreachable',
        `The broker at ${this.url} cannot be reached: ${error.code ?? error.message}.`,
        {
          hint: 'Start it, or check its address.',
          cause: error,
        },
      );
    }
    return error;
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
