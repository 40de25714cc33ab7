import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Which endpoint: its name under the home folder of a person's Runabout files. */
export interface EndpointRef {
  home: string;
  name: string;
}

/** Everything of one endpoint lies in its folder, which only its user can read. */
export function endpointPaths({ home, name }: EndpointRef) {
  const folder = join(home, 'endpoints', name);
  return {
    folder,
    /** Settings, for people to edit. */
    config: join(folder, 'endpoint.conf'),
    /** The agent's token (mode 0600). It is nowhere else. */
    token: join(folder, 'token'),
    /** Which process is the agent. */
    lock: join(folder, 'agent.lock'),
    /** How the agent is, for `status`. */
    state: join(folder, 'state.json'),
    log: join(folder, 'agent.log'),
    journal: join(folder, 'journal.sqlite'),
    /** Bundles, arguments and results, by digest. */
    cache: join(folder, 'cache'),
    /** A folder per manager: its bundles, and the scratch folders of its workers. */
    managers: join(folder, 'managers'),
    /** The blocks that were started. */
    blocks: join(folder, 'blocks.json'),
    /** Where managers find the agent (mode 0600). */
    rendezvous: join(folder, 'managers.json'),
  };
}

export type EndpointPaths = ReturnType<typeof endpointPaths>;

/** The names of all endpoints under a home folder, sorted. */
export function listEndpoints(home: string): string[] {
  const folder = join(home, 'endpoints');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(name => existsSync(endpointPaths({ home, name }).config))
    .sort();
}
