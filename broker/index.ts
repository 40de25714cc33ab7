import { type AddressInfo, isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import { RunaboutError } from '../protocol/errors/error.ts';
import { BlobFiles } from './blobs/files.ts';
import { watched } from './clock.ts';
import { openDataFolder } from './data-folder.ts';
import { EventHub } from './events/hub.ts';
import { type App, buildApp } from './http/app.ts';
import { Authenticator } from './http/auth.ts';
import { Connections } from './http/connections.ts';
import { FailureLimit } from './http/failure-limit.ts';
import { acceptSockets } from './http/upgrade.ts';
import { lockFolder } from './lock.ts';
import { openLog } from './log.ts';
import { type BrokerOptions, checkAddress, type Settings, withDefaults } from './options.ts';
import { ensureOwnerToken } from './owner-token.ts';
import { startPurger } from './purger.ts';
import type { Services } from './services.ts';
import { SessionRegistry } from './sessions/registry.ts';
import { openSqliteStore } from './store/sqlite/store.ts';
import { startSweeper } from './sweeper.ts';

export type { BrokerOptions } from './options.ts';

export interface RunningBroker {
  /** Where it listens, for example `http://127.0.0.1:7411`. */
  url: string;
  port: number;
  /** Holds the owner's token; only this user can read it. */
  ownerTokenFile: string;
  /** Resolves when the broker can not go on, with the reason: close it, and start another. */
  failed: Promise<RunaboutError>;
  /** Says goodbye to every socket, finishes what it was asked, and leaves everything durable. */
  close(): Promise<void>;
}

/**
 * Starts a broker in this process.
 * @throws RunaboutError `broker-address` when it may or can not listen there, `broker-running` when another broker
 *   serves the data folder, `broker-internal` when its files cannot be used
 */
export async function startBroker(options: BrokerOptions): Promise<RunningBroker> {
  const settings = withDefaults({ ...options, dataDir: resolve(options.dataDir) });
  checkAddress(settings);
  const { dataDir } = settings;
  const clock = watched(settings.clock);
  /** Undoes what was started, last first: at the end, and when a later step fails. */
  const undo: (() => unknown)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };

  try {
    await openDataFolder(dataDir);
    undo.push(lockFolder(dataDir));
    const { log, close: closeLog } = openLog(settings.logLevel, settings.logFile);
    undo.push(closeLog);
    const store = await openSqliteStore(join(dataDir, 'broker.sqlite'), settings);
    undo.push(() => store.close());
    const ownerTokenFile = await ensureOwnerToken(dataDir, store, clock.now());
    await store.recover({ now: clock.now(), leaseMs: settings.leaseMs });

    const hub = new EventHub(store, clock);
    const services: Services = {
      settings,
      clock,
      log,
      store,
      hub,
      connections: new Connections(settings.peers),
      blobs: await BlobFiles.open(join(dataDir, 'blobs')),
      auth: new Authenticator(store, new FailureLimit(clock, settings.authFailuresPerMinute)),
      sessions: new SessionRegistry(store),
    };
    const app = await buildApp(services);
    undo.push(() => closeServer(app));
    undo.push(() => hub.close());
    app.server.on(settings.tls ? 'secureConnection' : 'connection', socket => services.connections.opened(socket));
    undo.push(startSweeper(services));
    undo.push(startPurger(services));
    // The first to be undone: what the others still have to finish must not let new sockets in meanwhile.
    undo.push(acceptSockets(app.server, services));
    const port = await listen(app, settings);
    const host = isIPv6(settings.host) ? `[${settings.host}]` : settings.host;
    const url = `${settings.tls ? 'https' : 'http'}://${host}:${port}`;
    log.info({ url, dataDir }, 'broker started');
    void store.failed.then(error => log.fatal({ err: error }, 'the store has ended, and the broker can not go on'));
    return { url, port, ownerTokenFile, failed: store.failed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Listens, on another port than asked for only if that is allowed. Returns the port. */
async function listen(app: App, { host, port, portFallback }: Settings): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' || !portFallback) {
      throw new RunaboutError(
        'broker-address',
        `The broker cannot listen on ${host}, port ${port}: ${code ?? error}.`,
        {
          hint: code === 'EADDRINUSE' ? 'Another program uses that port: choose another.' : 'Choose another address.',
          cause: error,
        },
      );
    }
    await app.listen({ host, port: 0 });
  }
  return (app.server.address() as AddressInfo).port;
}

/** How long requests under way may take when the broker stops. */
const FINISH_MS = 5_000;

/** Answers what was asked, and closes connections as they fall idle: kept alive, they would hold up the end. */
async function closeServer(app: App): Promise<void> {
  const closeIdle = setInterval(() => app.server.closeIdleConnections(), 20);
  const closeAll = setTimeout(() => app.server.closeAllConnections(), FINISH_MS);
  await app.close();
  clearInterval(closeIdle);
  clearTimeout(closeAll);
}
