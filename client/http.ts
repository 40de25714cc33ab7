import type { Got, Method } from 'got';
import type { z } from 'zod';
import { fromProblem, Problem, RunaboutError } from '../protocol/errors/error.ts';
import { type Answer, sendOnce, TooLate } from './direct.ts';

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

/** How long an answer may take, unless a call says otherwise. */
const TIMEOUT_MS = 30_000;

/** REST calls of one broker, with the token in the header and every failure as a RunaboutError. */
export class Http {
  readonly url: string;
  readonly #headers: Record<string, string>;
  readonly #make: () => Promise<Got>;
  #got: Promise<Got> | undefined;

  constructor({ url, token }: Connection, userAgent: string) {
    this.url = url.replace(/\/+$/, '');
    this.#headers = { authorization: `Bearer ${token}`, 'user-agent': userAgent };
    this.#make = async () =>
      (await library()).default.extend({
        prefixUrl: `${this.url}/v1`,
        headers: this.#headers,
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
  async bytes(path: string, call: Call = {}): Promise<Uint8Array> {
    try {
      const mayRepeat = call.method !== 'POST' || call.idempotent;
      const { headers, rawBody } = await (mayRepeat ? this.#send(path, call) : this.#sendOnce(path, call));
      call.onBrokerTime?.(Number(/dur=([\d.]+)/.exec(String(headers['server-timing']))?.[1]));
      return rawBody;
    } catch (error) {
      throw await this.#explain(error, path);
    }
  }

  async #send(
    path: string,
    { method = 'GET', query, json, bytes, timeoutMs = TIMEOUT_MS, idempotent, signal }: Call,
  ): Promise<Answer> {
    this.#got ??= this.#make();
    const got = await this.#got;
    return await got(path, {
      method,
      responseType: 'buffer',
      timeout: { request: timeoutMs },
      ...(query ? { searchParams: query as Record<string, string | number | boolean | undefined> } : {}),
      ...(json !== undefined ? { json } : {}),
      ...(bytes ? { body: bytes, headers: { 'content-type': 'application/octet-stream' } } : {}),
      ...(idempotent ? { retry: { methods: [method] } } : {}),
      ...(signal ? { signal } : {}),
    });
  }

  async #sendOnce(path: string, { query, json, timeoutMs = TIMEOUT_MS, signal }: Call): Promise<Answer> {
    const url = new URL(`${this.url}/v1/${path}`);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, String(value));
    const headers = json === undefined ? this.#headers : { ...this.#headers, 'content-type': 'application/json' };
    const body = json === undefined ? '' : JSON.stringify(json);
    const answer = await sendOnce(url, { method: 'POST', headers, body }, timeoutMs, signal);
    if (answer.statusCode >= 300) throw this.#refusal(answer, path);
    return answer;
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
    if (error instanceof RunaboutError) return error;
    const { HTTPError, RequestError, TimeoutError } = await library();
    if (error instanceof HTTPError) return this.#refusal(error.response as Answer, path);
    if (error instanceof TimeoutError || error instanceof TooLate) {
      return new RunaboutError('broker-unreachable', `The broker at ${this.url} did not answer in time.`, {
        cause: error,
      });
    }
    const code = (error as NodeJS.ErrnoException).code;
    if ((error instanceof RequestError || code !== undefined) && (error as Error).name !== 'AbortError') {
      return new RunaboutError(
        'broker-unreachable',
        `The broker at ${this.url} cannot be reached: ${code ?? (error as Error).message}.`,
        {
          hint: 'Start it, or check its address.',
          cause: error,
        },
      );
    }
    return error;
  }

  #refusal({ statusCode, rawBody }: Answer, path: string): RunaboutError {
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
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
