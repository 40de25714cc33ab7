import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createSecureContext } from 'node:tls';
import swagger from '@fastify/swagger';
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { jsonSchemaTransform, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import * as z from 'zod';
import { mediaTypes } from '../../protocol/client-broker/common.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { isTooDeep } from '../../protocol/json.ts';
import { limits } from '../../protocol/limits.ts';
import { invalidIfTypeError } from '../../protocol/zod-failure.ts';
import type { Settings } from '../options.ts';
import type { Services } from '../services.ts';
import type { TokenHolder } from '../store/contract.ts';
import { version } from '../version.ts';
import { checkKind, type Kind } from './auth.ts';
import { endWithProblem, sendProblem, toClientError } from './problems.ts';
import { RouteTable } from './route-table.ts';
import { blobRoutes } from './routes/blobs.ts';
import { endpointRoutes } from './routes/endpoints.ts';
import { functionRoutes } from './routes/functions.ts';
import { principalRoutes } from './routes/principals.ts';
import { socketRoutes } from './routes/sockets.ts';
import { taskRoutes } from './routes/tasks.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before any handler runs. */
    holder: TokenHolder;
  }
  interface FastifyContextConfig {
    /** Kinds of token that may call the route; owner and user unless given. */
    allow?: readonly Kind[];
    /** Bytes its body may have. */
    cap?: number;
  }
}

/** A group of routes. */
export type Routes = (app: App, services: Services) => void;
export type App = FastifyInstance<
  import('node:http').Server,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

const PEOPLE: readonly Kind[] = ['owner', 'user'];

/** The REST API: every route with its schema, every request with a token, every failure as a problem. */
export async function buildApp(services: Services): Promise<App> {
  const { settings, log, connections } = services;
  const { peers } = settings;
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.restBody,
    routerOptions: { maxParamLength: 256 },
    exposeHeadRoutes: false,
    requestTimeout: peers.requestMs,
    connectionTimeout: 0,
    ...serverOptions(settings),
    frameworkErrors: (error, request, reply) => void sendProblem(error, request as FastifyRequest, reply),
    clientErrorHandler: (error, socket) => endWithProblem(socket, toClientError(error)),
  }).withTypeProvider<ZodTypeProvider>() as unknown as App;

  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (isTooDeep(body)) done(new RunaboutError('json-invalid', 'The body is nested too deeply.'));
    else void parse(request, body, done);
  });
  app.setValidatorCompiler(route => {
    const validate = validatorCompiler(route as Parameters<typeof validatorCompiler>[0]);
    return data => {
      try {
        return validate(data);
      } catch (error) {
        return invalidIfTypeError(error);
      }
    };
  });
  // Our own records need no second check on their way out; tests read them through the client's schemas.
  app.setSerializerCompiler(() => data => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));

  const table = new RouteTable();
  app.addHook('onRoute', route => table.add(route));
  app.setNotFoundHandler((request, reply) => {
    const methods = table.methodsOf(request.url);
    if (methods.length === 0) {
      return sendProblem(
        new RunaboutError('route-not-found', `There is no ${request.url.split('?')[0]}.`),
        request,
        reply,
      );
    }
    reply.header('allow', methods.join(', '));
    const message = `${request.url.split('?')[0]} takes ${methods.join(', ')}, not ${request.method}.`;
    return sendProblem(new RunaboutError('method-not-allowed', message), request, reply);
  });

  app.decorateRequest('holder', null as unknown as TokenHolder);
  app.addHook('onRequest', async (request, reply) => {
    request.holder = await services.auth.identify(request.headers.authorization, request.ip);
    const { allow, cap } = request.routeOptions.config;
    connections.known(request.raw.socket, request.holder.principal.id);
    // Addresses that do not exist are the same for every kind.
    if (!request.is404) checkKind(request.holder, allow ?? PEOPLE);
    const length = Number(request.headers['content-length'] ?? 0);
    const most = cap ?? limits.restBody;
    // Before a byte of it is read; a body without a length is cut off while it arrives.
    if (length > most) throw new RunaboutError('body-too-large', `The body has ${length} bytes; ${most} is the most.`);
    connections.requested(request.raw, reply.raw, cap === undefined);
  });

  // How long the answer took here, so that a client can tell the way from the work.
  app.addHook('onSend', async (_request, reply) => {
    reply.header('server-timing', `broker;dur=${reply.elapsedTime.toFixed(3)}`);
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Runabout broker', version, description: 'Functions, endpoints and tasks.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    exposeHeadRoutes: true,
  });
  await app.register(async scope => {
    const routes = scope as unknown as App;
    for (const group of [principalRoutes, functionRoutes, endpointRoutes, taskRoutes, socketRoutes]) {
      group(routes, services);
    }
    // Their bodies are bytes and nothing else, so they have a scope of their own.
    routes.register(async bytes => {
      bytes.removeAllContentTypeParsers();
      bytes.addContentTypeParser(mediaTypes.bytes, (_request, payload, done) => done(null, payload));
      blobRoutes(bytes as unknown as App, services);
    });
    routes.get(
      '/v1/openapi.json',
      {
        config: { allow: ['owner', 'user', 'agent'] },
        schema: {
          summary: 'This API as OpenAPI 3.1',
          tags: ['broker'],
          response: { 200: z.record(z.string(), z.unknown()) },
        },
      },
      async () => app.swagger() as unknown as Record<string, unknown>,
    );
  });
  await app.ready();
  return app;
}

/**
 * What Node's own server is told. A caller that trickles its headers or its body is found at the next of its rounds.
 * @throws RunaboutError `broker-address`
 */
function serverOptions({ tls, peers: { headersMs, requestMs } }: Settings): object {
  const common = {
    headersTimeout: Math.min(headersMs, requestMs),
    connectionsCheckingInterval: Math.min(5_000, headersMs / 2),
    // Of an offer to speak another protocol, HTTP says that it may be passed over.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
  };
  return tls ? { https: { ...common, handshakeTimeout: headersMs, ...readTls(tls) } } : { http: common };
}

/** @throws RunaboutError `broker-address` */
function readTls({ certFile, keyFile }: NonNullable<Settings['tls']>) {
  try {
    const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    throw new RunaboutError('broker-address', `Certificate and key cannot be used: ${(cause as Error).message}.`, {
      hint: 'Both are files in PEM form, and the key is that of the certificate.',
      cause,
    });
  }
}
