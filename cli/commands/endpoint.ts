import { Command } from 'commander';
import {
  endpointState,
  hasEndpoint,
  listEndpoints,
  readLogs,
  removeEndpoint,
  renewEndpoint,
  restartEndpoint,
  startEndpoint,
  stopEndpoint,
  writeEndpoint,
} from '../../agent/index.ts';
import type { BrokerClient } from '../../client/client.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { connect, endpointByName, home } from '../connect.ts';
import { startSentence, stateSentence, workersBusy } from '../endpoint-words.ts';
import * as numbers from '../numbers.ts';
import { ago, exit, printJson, say, table } from '../output.ts';

export function endpointCommand(): Command {
  const command = new Command('endpoint').description('The endpoints of this machine, and those you may use.');

  command
    .command('create')
    .argument('<name>')
    .description('Register an endpoint with the broker and write its configuration here.')
    .option('--description <text>', 'what people should know of it')
    .option('--workers <n>', 'how many tasks run at once (default: one per processor core)', numbers.workers)
    .action(async (name: string, { description, workers }: { description?: string; workers?: number }) => {
      if (listEndpoints(home()).includes(name)) {
        throw new RunaboutError('name-taken', `This machine has an endpoint "${name}" already.`, {
          hint: `\`runabout endpoint start ${name}\` starts it; \`runabout endpoint delete ${name}\` removes it.`,
        });
      }
      const client = connect();
      const { id, token } = await register(client, name, description);
      const file = writeEndpoint({
        home: home(),
        name,
        id,
        url: client.connection.url,
        token,
        ...(workers ? { workers } : {}),
      });
      say(`Created. What it grants to functions is set in ${file}.\nStart it with: runabout endpoint start ${name}`);
    });

  command
    .command('start')
    .argument('<name>')
    .description('Start the agent of an endpoint; it stays in the background.')
    .option('--foreground', 'stay in the foreground until SIGINT or SIGTERM')
    .action(async (name: string, { foreground }: { foreground?: boolean }) => {
      const report = await startEndpoint({ home: home(), name, foreground: foreground ?? false });
      say(startSentence(name, report));
      if (report.exited) process.exitCode = (await report.exited) === 0 ? 0 : exit.notRun;
    });

  command
    .command('stop')
    .argument('<name>')
    .description('Stop the agent: running tasks get its drain time, then they are given back to the broker.')
    .action(async (name: string) => {
      await stopEndpoint({ home: home(), name });
      say(`Stopped the endpoint "${name}".`);
    });

  command
    .command('restart')
    .argument('<name>')
    .description('Stop and start the agent, which reads its configuration again.')
    .action(async (name: string) => say(startSentence(name, await restartEndpoint({ home: home(), name }))));

  command
    .command('status')
    .argument('<name>')
    .description('How an endpoint of this machine is.')
    .option('--json', 'print JSON')
    .action((name: string, { json }: { json?: boolean }) => {
      const state = endpointState({ home: home(), name });
      if (json) printJson(state);
      else say(stateSentence(name, state));
    });

  command
    .command('logs')
    .argument('<name>')
    .description("The end of the agent's log.")
    .option('--lines <n>', 'how many lines', numbers.wholeNumber(0, 100_000), 50)
    .option('--follow', 'go on as the log grows')
    .action(async (name: string, { lines, follow }: { lines: number; follow?: boolean }) => {
      for await (const line of readLogs({ home: home(), name, lines, follow: follow ?? false })) say(line);
    });

  command
    .command('list')
    .description('Every endpoint you may use, and which of them are of this machine.')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { items } = await connect().listEndpoints();
      if (json) {
        printJson(items);
        return;
      }
      const here = new Set(listEndpoints(home()));
      const rows = items.map(({ name, status, host }) => [
        name,
        status.state === 'new' ? 'never connected' : `${status.state}, ${ago(status.since).replace(' ago', '')}`,
        status.workers ? workersBusy(status.workers) : '',
        String(status.queued),
        here.has(name) ? 'this machine' : (host?.name ?? ''),
      ]);
      say(
        rows.length === 0
          ? 'There are no endpoints yet: `runabout endpoint create NAME` makes one.'
          : table(['NAME', 'STATE', 'WORKERS', 'QUEUED', 'HOST'], rows),
      );
    });

  command
    .command('renew')
    .argument('<name>')
    .description('Give an endpoint a new token; the old one is refused from then on.')
    .action(async (name: string) => {
      const client = connect();
      const { id } = await endpointByName(client, name);
      const here = hasEndpoint({ home: home(), name, id });
      const { token } = await client.renewEndpointToken(id);
      if (!here) {
        say(`Renewed the token of the endpoint "${name}". It belongs into the file endpoints/${name}/token of its`);
        say(`machine, and is shown only now:\n${token}`);
        return;
      }
      renewEndpoint({ home: home(), name, token });
      say(`Renewed the token of the endpoint "${name}"; the old one is refused from now on.`);
      const { state } = endpointState({ home: home(), name });
      say(
        state === 'running'
          ? 'Its agent takes the new one by itself.'
          : `Start it with: runabout endpoint start ${name}`,
      );
    });

  command
    .command('delete')
    .argument('<name>')
    .description('Stop an endpoint, remove it from the broker, and delete its folder here.')
    .action(async (name: string) => {
      const client = connect();
      const endpoint = await client.findEndpoint(name);
      const here = listEndpoints(home()).includes(name);
      if (!endpoint && !here) throw new RunaboutError('not-found', `There is no endpoint "${name}".`);
      if (here && endpointState({ home: home(), name }).state === 'running') await stopEndpoint({ home: home(), name });
      if (endpoint) await client.deleteEndpoint(endpoint.id);
      if (here) removeEndpoint({ home: home(), name });
      say(`Deleted the endpoint "${name}".`);
    });

  return command;
}

/**
 * Registers the endpoint. With the token of an agent it is registered already: the editor does that, and gives the
 * command for this machine.
 */
async function register(client: BrokerClient, name: string, description: string | undefined) {
  const { principal } = await client.whoAmI();
  if (principal.kind !== 'agent') {
    const { endpoint, token } = await client.createEndpoint(name, description);
    return { id: endpoint.id, token };
  }
  if (principal.name === name) return { id: principal.id, token: client.connection.token };
  throw new RunaboutError(
    'request-invalid',
    `The token is that of the endpoint "${principal.name}", not of "${name}".`,
  );
}
