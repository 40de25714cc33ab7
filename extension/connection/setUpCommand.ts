import type { CreatedEndpoint } from '../../protocol/client-broker/endpoints.ts';

/**
 * The one command (for sh) that sets up an endpoint on its machine and starts it. The token goes through the
 * environment: arguments of a program can be read by others on its machine.
 */
export function setUpCommand(url: string, { endpoint, token }: CreatedEndpoint): string {
  const variables = `RUNABOUT_URL=${quoted(url)} RUNABOUT_TOKEN=${quoted(token)}`;
  const name = quoted(endpoint.name);
  return `${variables} runabout endpoint create ${name} && runabout endpoint start ${name}`;
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
