import { type CancellationToken, workspace } from 'vscode';
import { ArgumentsReply, RunReply, serverCommands } from '../../protocol/editor-server/messages.ts';
import { settings } from '../ids.ts';
import { t } from '../l10n.ts';
import { pickEndpoint } from '../pick/endpoint.ts';
import type { Services } from '../services.ts';
import { shortName } from '../words.ts';
import type { ArgumentsQuestion } from './argumentsDocuments.ts';
import type { EndpointRef } from './chosenEndpoint.ts';
import type { RunRequest, RunTarget } from './target.ts';
import { argumentsFromSchema, takesArguments } from './template.ts';
import { requireTrust } from './trust.ts';

/**
 * Runs a function: asks for what is missing (an endpoint, arguments), sends it, and returns the id of its task;
 * `undefined` when the person has to answer first or thought better of it.
 */
export async function runFunction(services: Services, request: RunRequest): Promise<string | undefined> {
  requireTrust(t('Running a function'));
  services.session.requireClient();
  const endpoint = await chooseEndpoint(services, request);
  if (endpoint === 'nowhere') return undefined;
  const { target, again, example } = request;
  let { args } = request;
  if (args === undefined && example === undefined && !again) {
    const question = await askArguments(services, target);
    if (question) {
      await services.argumentsDocuments.open(target, question, endpoint?.id);
      return undefined;
    }
    args = [];
  }
  const full: RunRequest = { target, endpoint: endpoint?.id, args, example, again };
  const task = await services.runs.start(shortName(target.name), full, token =>
    target.kind === 'source' ? runSource(services, target, full, token) : submitRegistered(services, target.id, full),
  );
  if (endpoint) await services.chosen.used(endpoint.id);
  await showIfWanted(services, task);
  return task;
}

/** The endpoint to run on; `undefined` leaves it to the function's mark. */
async function chooseEndpoint(services: Services, request: RunRequest): Promise<EndpointRef | undefined | 'nowhere'> {
  const { chosen, documents, lists } = services;
  const { target } = request;
  if (request.endpoint && !request.pick) {
    const named = lists.endpoints.all().find(({ id, name }) => id === request.endpoint || name === request.endpoint);
    return named ?? { id: request.endpoint, name: request.endpoint };
  }
  const marked = target.kind === 'source' ? documents.find(target.uri, target.name) : undefined;
  if (!request.pick && marked?.endpoint) return undefined;
  const current = chosen.get();
  if (!request.pick && current) return current;
  const picked = await pickEndpoint(services, {
    title: t('Run {0} on', shortName(target.name)),
    current: request.endpoint ?? marked?.endpoint ?? current?.id,
  });
  if (!picked) return 'nowhere';
  // The first choice is the choice of the workspace; a later one is for this run only.
  if (!current) await chosen.set(picked);
  return picked;
}

/** What to ask for, or `undefined` when the function takes nothing. */
export async function askArguments(services: Services, target: RunTarget): Promise<ArgumentsQuestion | undefined> {
  if (target.kind === 'source') {
    const { uri, name } = target;
    if (takesNothing(services, uri, name)) return undefined;
    const reply = await services.server.execute(serverCommands.arguments, { uri, name }, ArgumentsReply);
    return reply.takesArguments ? reply : undefined;
  }
  const { latest, name } = await services.session.requireClient().getFunction(target.id);
  const schema = latest.details.parameters;
  if (!schema || !takesArguments(schema)) return undefined;
  const template = JSON.stringify(argumentsFromSchema(schema), null, 2);
  return { schema, template, signature: `${name} v${latest.version}` };
}

/** Whether it is known already, of the very text that stands in the editor. */
function takesNothing({ documents }: Services, uri: string, name: string): boolean {
  const open = workspace.textDocuments.find(document => document.uri.toString() === uri);
  return documents.get(uri)?.version === open?.version && documents.find(uri, name)?.takesArguments === false;
}

async function runSource(
  { server }: Services,
  { uri, name }: Extract<RunTarget, { kind: 'source' }>,
  { endpoint, args, example }: RunRequest,
  token: CancellationToken,
): Promise<string> {
  const argument = {
    uri,
    name,
    ...(endpoint ? { endpoint } : {}),
    ...(args ? { args } : {}),
    ...(example === undefined ? {} : { example }),
  };
  return (await server.execute(serverCommands.run, argument, RunReply, token)).task;
}

async function submitRegistered({ session }: Services, id: string, { endpoint, args }: RunRequest): Promise<string> {
  const client = session.requireClient();
  const encoded = await client.encodeArguments(args ?? []);
  const [task] = await client.submit([
    { function: { id }, endpoint: endpoint ?? '', args: encoded, idempotencyKey: crypto.randomUUID() },
  ]);
  return task!.id;
}

/** The panel follows when it is open; it opens by itself only for those who want that. */
async function showIfWanted({ panel }: Services, task: string): Promise<void> {
  if (panel.isOpen) await panel.follow(task);
  else if (workspace.getConfiguration().get(settings.openPanelOnRun, false)) await panel.show(task);
}
