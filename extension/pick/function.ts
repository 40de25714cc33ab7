import { type QuickPickItem, QuickPickItemKind, ThemeIcon, Uri, window, workspace } from 'vscode';
import type { FunctionRecord } from '../../protocol/client-broker/functions.ts';
import { t } from '../l10n.ts';
import { type RunTarget, registered } from '../run/target.ts';
import type { Services } from '../services.ts';
import { shortName } from '../words.ts';
import { livePick } from './quickPick.ts';

interface FunctionItem extends QuickPickItem {
  target?: RunTarget;
  record?: FunctionRecord;
}

/** Asks for a function: those marked in open documents first, then (unless `sourceOnly`) those of the registry. */
export async function pickFunction(
  services: Services,
  title: string,
  sourceOnly = false,
): Promise<RunTarget | undefined> {
  const { documents, lists } = services;
  const picked = await livePick<FunctionItem>({
    title,
    placeholder: t('Choose a function'),
    items: () => [...markedItems(services), ...(sourceOnly ? [] : registryItems(lists.functions.all()))],
    busy: () => lists.functions.status === 'loading',
    onDidChange: [documents.onDidChange, lists.functions.onDidChange],
  });
  return picked?.target;
}

/** Asks for a function of the registry. */
export async function pickRegistered({ lists }: Services, title: string): Promise<FunctionRecord | undefined> {
  const picked = await livePick<FunctionItem>({
    title,
    placeholder: t('Choose a function'),
    items: () => registryItems(lists.functions.all()),
    busy: () => lists.functions.status === 'loading',
    onDidChange: [lists.functions.onDidChange],
  });
  return picked?.record;
}

function markedItems({ documents }: Services): FunctionItem[] {
  const active = window.activeTextEditor?.document.uri.toString();
  const states = documents.all().sort((a, b) => Number(b.uri === active) - Number(a.uri === active));
  const items = states.flatMap(({ uri, functions }) =>
    functions
      .filter(({ runnable }) => runnable)
      .map(
        ({ name }): FunctionItem => ({
          label: name,
          description: workspace.asRelativePath(Uri.parse(uri)),
          iconPath: new ThemeIcon('symbol-function'),
          target: { kind: 'source', uri, name },
        }),
      ),
  );
  return items.length > 0 ? [separator(t('marked in open files')), ...items] : [];
}

function registryItems(records: FunctionRecord[]): FunctionItem[] {
  const items = records.map(
    (record): FunctionItem => ({
      label: shortName(record.name),
      description: `${record.name} · v${record.latest.version}`,
      iconPath: new ThemeIcon('symbol-function'),
      target: registered(record),
      record,
    }),
  );
  return items.length > 0 ? [separator(t('in the registry')), ...items] : [];
}

const separator = (label: string): FunctionItem => ({ label, kind: QuickPickItemKind.Separator });
