import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { closeCodes } from '../../protocol/close-codes.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { limits } from '../../protocol/limits.ts';
import { serveEvents } from '../events/socket.ts';
import type { Services } from '../services.ts';
import { AgentSession } from '../sessions/session.ts';
import type { TokenHolder } from '../store/contract.ts';
import { checkKind, type Kind } from './auth.ts';
import { endWithProblem, toCallersError } from './problems.ts';

interface SocketPath {
  summary: string;
  allow: readonly Kind[];
  /** Bytes in one incoming message. */
  maxPayload: number;
  /** It is an event stream, of which a token holder may have so many. */
  streams?: true;
  serve(socket: WebSocket, holder: TokenHolder, services: Services): void;
}

export const socketPaths: Record<string, SocketPath> = {
  '/v1/agent': {
    summary: 'the session of an agent',
    allow: ['agent'],
    maxPayload: limits.frame,
    serve(socket, { principal, owner, tokenHash }, services) {
      new AgentSession(socket, { endpoint: principal.id, name: principal.name, owner, tokenHash }, services);
    },
  },
  '/v1/events': {
    summary: 'the events of one owner, live and from a sequence number',
    allow: ['owner', 'user'],
    maxPayload: 64 * 1024,
    streams: true,
    serve: serveEvents,
  },
};

/**
 * Serves the WebSockets of a server. Returns what says goodbye to all of them, and ends those that do not answer.
 * From then on new ones are refused: clients come back at once, and nobody would say goodbye to them.
 */
export function acceptSockets(server: Server, services: Services): () => Promise<void> {
  const servers = new Map<string, WebSocketServer>();
  for (const [path, { maxPayload }] of Object.entries(socketPaths)) {
    servers.set(
      path,
      new WebSocketServer({
        noServer: true,
        maxPayload,
        perMessageDeflate: false,
        closeTimeout: services.settings.peers.closeMs,
      } as ServerOptions),
    );
  }

  for (const ws of servers.values()) {
    ws.on('wsClientError', ({ message }, socket) => {
      endWithProblem(socket, new RunaboutError('request-invalid', `This is no WebSocket handshake: ${message}.`));
    });
  }

  let stopping = false;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade(request, socket, head).catch(error => {
      const shown = toCallersError(error);
      if (shown.status >= 500 && shown.code !== 'broker-stopping')
        services.log.error({ err: error }, 'an upgrade failed');
      endWithProblem(socket, shown);
    });
  });

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const path = request.url?.split('?')[0] ?? '';
    const holder = await services.auth.identify(request.headers.authorization, request.socket.remoteAddress ?? '');
    if (stopping) throw new RunaboutError('broker-stopping', 'The broker is stopping.');
    const target = socketPaths[path];
    if (!target) throw new RunaboutError('route-not-found', 'There is no such WebSocket.');
    checkKind(holder, target.allow);
    checkOrigin(request);
    services.connections.known(request.socket, holder.principal.id);
    if (target.streams) services.connections.streamed(request.socket, holder.principal.id);
    servers.get(path)!.handleUpgrade(request, socket, head, ws => target.serve(ws, holder, services));
  }

  return async () => {
    stopping = true;
    const open = [...servers.values()].flatMap(({ clients }) => [...clients]);
    await Promise.all(open.map(sayGoodbye));
    for (const ws of servers.values()) ws.close();
  };
}

/** Browsers send the origin of the page that opens a socket: another site's page has no business here. */
function checkOrigin({ headers: { origin, host } }: IncomingMessage): void {
  if (origin === undefined) return;
  if (URL.canParse(origin) && new URL(origin).host === host) return;
  throw new RunaboutError('not-allowed', 'Pages of other sites may not open this socket.');
}

const GOODBYE_MS = 1_000;

function sayGoodbye(socket: WebSocket): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => socket.terminate(), GOODBYE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.close(closeCodes.bye, 'the broker stops');
  });
}
