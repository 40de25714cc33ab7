import type { BlobFiles } from './blobs/files.ts';
import type { WatchedClock } from './clock.ts';
import type { EventHub } from './events/hub.ts';
import type { Authenticator } from './http/auth.ts';
import type { Connections } from './http/connections.ts';
import type { Logger } from './log.ts';
import type { Settings } from './options.ts';
import type { SessionRegistry } from './sessions/registry.ts';
import type { BrokerStore } from './store/contract.ts';

/** The parts of a running broker, as routes and sockets use them. */
export interface Services {
  settings: Settings;
  clock: WatchedClock;
  log: Logger;
  store: BrokerStore;
  blobs: BlobFiles;
  auth: Authenticator;
  connections: Connections;
  hub: EventHub;
  sessions: SessionRegistry;
}
