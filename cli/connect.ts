import { BrokerClient } from '../client/client.ts';
import { runaboutHome, storedConnection } from '../client/credentials.ts';
import { localConnection } from '../client/local.ts';
import { version } from '../package.json';
import type { EndpointRecord } from '../protocol/client-broker/endpoints.ts';
import { RunaboutError } from '../protocol/errors/error.ts';

export const userAgent = `runabout-cli/${version}`;

/** The folder that all local state lives under, and its endpoints. */
export const home = runaboutHome;

/**
 * The broker to talk to: `RUNABOUT_URL` + `RUNABOUT_TOKEN`, else the one of `runabout login`, else the one that
 * `runabout up` started here.
 * @throws RunaboutError `token-missing`
 */
export function connect(): BrokerClient {
  const connection = storedConnection() ?? localConnection();
  if (connection) return new BrokerClient(connection, userAgent);
  throw new RunaboutError('token-missing', 'Not connected to a broker.', {
    hint: '`runabout up` starts one on this machine; `runabout login URL` connects to another.',
  });
}

/** @throws RunaboutError `not-found` that lists the endpoints there are */
export async function endpointByName(client: BrokerClient, name: string): Promise<EndpointRecord> {
  const found = await client.findEndpoint(name);
  if (found) return found;
  const { items } = await client.listEndpoints();
  throw new RunaboutError('not-found', `There is no endpoint "${name}".`, {
    hint:
      items.length > 0
        ? `There are: ${items.map(item => item.name).join(', ')}.`
        : 'There are none yet: `runabout endpoint create NAME` makes one.',
  });
}
