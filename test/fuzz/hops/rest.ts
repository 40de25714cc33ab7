import { Agent, request as httpRequest } from 'node:http';
import { checkAnswer } from '../answers.ts';
import { fillBytes, fillText } from '../generators/names.ts';
import { type HttpRequest, requests, routes, type TokenName } from '../generators/requests.ts';
import type { Hop } from '../hop.ts';
import { must, Violation, within } from '../violation.ts';
import type { World } from '../world.ts';

/** Requests after which the bad peer gets back what it deleted. */
const REFRESH = 200;

/** Whole HTTP requests, whatever is in them. */
export async function restHop(world: World): Promise<Hop<HttpRequest>> {
  await compareRoutes(world);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let sent = 0;
  return {
    name: 'rest',
    share: 20,
    lanes: 3,
    input: requests,
    count: () => 1,
    async check(input) {
      if (++sent % REFRESH === 0) await world.refresh();
      const { status, type, body } = await send(world, agent, input);
      checkAnswer(status, type, body, input.method === 'HEAD');
      return status < 300 ? String(status) : `${status} ${/"code":"([a-z-]+)"/.exec(body)?.[1] ?? ''}`;
    },
  };
}

export function bearer(world: World, token: TokenName): string | undefined {
  switch (token) {
    case 'mallory':
      return world.malloryToken;
    case 'agent':
      return world.agents[0]?.token ?? world.malloryToken;
    case 'owner':
      return world.ownerToken;
    case 'unknown':
      return `${world.malloryToken.slice(0, 12)}${'A'.repeat(world.malloryToken.length - 12)}`;
    case 'noise':
      return '\xff\x00'.replaceAll('\0', 'x');
    case 'none':
      return undefined;
  }
}

async function send(world: World, agent: Agent, input: HttpRequest) {
  const token = bearer(world, input.token);
  const body = input.body && fillBytes(input.body, world.names);
  const headers = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    'content-length': String(body?.length ?? 0),
    ...input.headers,
  };
  if (!body) delete (headers as Record<string, string>)['content-type'];
  const options = { method: input.method, path: fillText(input.path, world.names), agent, headers };
  const answer = new Promise<{ status: number; type: string | undefined; body: string }>((resolve, reject) => {
    const request = httpRequest(world.url, options, response => {
      const chunks: Buffer[] = [];
      response.on('data', chunk => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          type: response.headers['content-type'],
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    request.on('error', error => reject(new Violation(`A request got no answer: ${error}`)));
    request.end(body);
  });
  return await within(30_000, 'A request', answer);
}

/** @throws Violation for a route that the generator does not know */
async function compareRoutes({ url, malloryToken }: World): Promise<void> {
  const response = await fetch(`${url}/v1/openapi.json`, { headers: { authorization: `Bearer ${malloryToken}` } });
  const { paths } = (await response.json()) as { paths: Record<string, object> };
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  );
  const known = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const missing = served.filter(route => !known.has(route));
  must(
    missing.length === 0,
    `The fuzzer has no requests for ${missing.join(', ')}: add them to generators/requests.ts.`,
  );
}
