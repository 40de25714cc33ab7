import { type QuickPickItem, QuickPickItemKind, ThemeIcon, commands as vscodeCommands } from 'vscode';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import { commands } from '../ids.ts';
import { t } from '../l10n.ts';
import type { EndpointRef } from '../run/chosenEndpoint.ts';
import type { Services } from '../services.ts';
import { endpointState } from '../words.ts';
import { livePick } from './quickPick.ts';

interface EndpointItem extends QuickPickItem {
  endpoint?: EndpointRecord;
  add?: true;
}

export interface PickEndpointOptions {
  title: string;
  /** Id or name of the endpoint that is in use now. */
  current?: string | undefined;
}

/** Asks for an endpoint. "Add endpoint…" leads to making one, and then to it. */
export async function pickEndpoint(services: Services, options: PickEndpointOptions): Promise<EndpointRef | undefined> {
  const { lists, chosen, session } = services;
  const picked = await livePick<EndpointItem>({
    title: options.title,
    placeholder: t('Choose the endpoint to run on'),
    items: () => endpointItems(lists.endpoints.all(), chosen.recent, options.current),
    busy: () => lists.endpoints.status === 'loading' || session.state.state === 'connecting',
    onDidChange: [lists.endpoints.onDidChange, session.onDidChangeState],
    isCurrent: item => isCurrent(item.endpoint, options.current),
  });
  if (picked?.endpoint) return { id: picked.endpoint.id, name: picked.endpoint.name };
  if (picked?.add) return await vscodeCommands.executeCommand<EndpointRef | undefined>(commands.createEndpoint);
  return undefined;
}

function isCurrent(endpoint: EndpointRecord | undefined, current: string | undefined): boolean {
  return endpoint !== undefined && current !== undefined && (endpoint.id === current || endpoint.name === current);
}

/** Used lately first, then those online, then the rest. */
function endpointItems(all: EndpointRecord[], recent: string[], current: string | undefined): EndpointItem[] {
  const used = recent.map(id => all.find(record => record.id === id)).filter(record => record !== undefined);
  const others = all.filter(record => !recent.includes(record.id));
  const groups: [string, EndpointRecord[]][] = [
    [t('used lately'), used],
    [t('online'), others.filter(({ status }) => status.state === 'online')],
    [t('not online'), others.filter(({ status }) => status.state !== 'online')],
  ];
  const items = groups
    .filter(([, records]) => records.length > 0)
    .flatMap(([label, records]) => [separator(label), ...records.map(record => endpointItem(record, current))]);
  const add: EndpointItem = { label: t('Add endpoint…'), iconPath: new ThemeIcon('add'), alwaysShow: true, add: true };
  return [...items, separator(''), add];
}

function endpointItem(record: EndpointRecord, current: string | undefined): EndpointItem {
  const state = endpointState(record);
  return {
    label: record.name,
    description: isCurrent(record, current) ? `${t('current')} · ${state}` : state,
    iconPath: new ThemeIcon(record.status.state === 'online' ? 'vm-active' : 'vm-outline'),
    ...(record.description ? { detail: record.description } : {}),
    endpoint: record,
  };
}

const separator = (label: string): EndpointItem => ({ label, kind: QuickPickItemKind.Separator });
