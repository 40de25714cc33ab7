import { env, window } from 'vscode';
import { Name } from '../../protocol/client-broker/common.ts';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import { setUpCommand } from '../connection/setUpCommand.ts';
import { t } from '../l10n.ts';
import type { EndpointRef } from '../run/chosenEndpoint.ts';
import type { Services } from '../services.ts';

/** Registers an endpoint and gives the one command that sets it up on its machine. Returns the endpoint. */
export async function createEndpoint({ session, lists, log }: Services): Promise<EndpointRef | undefined> {
  const client = session.requireClient();
  const name = await askName(lists.endpoints.all());
  if (!name) return undefined;
  const created = await client.createEndpoint(name);
  log.info(`Created the endpoint ${name}.`);
  await offerCommand(setUpCommand(client.connection.url, created), name);
  return { id: created.endpoint.id, name };
}

function askName(existing: EndpointRecord[]): Thenable<string | undefined> {
  return window.showInputBox({
    title: t('Create an endpoint'),
    prompt: t('A name for the machine or cluster, as people will see it'),
    placeHolder: 'lab-server',
    ignoreFocusOut: true,
    validateInput: value => {
      if (existing.some(({ name }) => name === value)) return t('There is an endpoint of this name already.');
      const checked = Name.safeParse(value);
      return checked.success || value === '' ? undefined : checked.error.issues[0]?.message;
    },
  });
}

async function offerCommand(command: string, name: string): Promise<void> {
  const copy = t('Copy Command');
  const answer = await window.showInformationMessage(
    t('The endpoint "{0}" is registered. Set it up on its machine.', name),
    {
      modal: true,
      detail: t(
        'Run one command there, where Runabout is installed. It holds the token of the agent, which is shown this once: copy it, and paste it nowhere else.',
      ),
    },
    copy,
  );
  if (answer !== copy) return;
  await env.clipboard.writeText(command);
  void window.showInformationMessage(t('Copied. The endpoint comes online as soon as the command has run there.'));
}
