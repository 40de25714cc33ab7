import { ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import type { RunaboutError } from '../../protocol/errors/error.ts';
import { commands } from '../ids.ts';
import { t } from '../l10n.ts';

/** A row of a view. Each kind is a class of its own, so that a command knows what it was called on. */
export class Row extends TreeItem {
  /** The rows under this one. */
  children(): Row[] | Promise<Row[]> {
    return [];
  }
}

/** Context values are flags with a `;` after each, matched in package.json by expressions such as `/\brunning;/`. */
export function flags(...values: (string | false | undefined)[]): string {
  return values
    .filter(Boolean)
    .map(value => `${value};`)
    .join('');
}

export function icon(id: string, color?: string): ThemeIcon {
  return new ThemeIcon(id, color ? new ThemeColor(color) : undefined);
}

/** A fact under another row: a word, and what it is. */
export class FactRow extends Row {
  constructor(parent: string, label: string, value: string, iconId: string) {
    super(label, TreeItemCollapsibleState.None);
    this.id = `${parent}/${label}`;
    this.description = value;
    this.iconPath = icon(iconId);
    this.accessibilityInformation = { label: `${label}: ${value}` };
  }
}

export class LoadingRow extends Row {
  constructor(what: string) {
    super(what, TreeItemCollapsibleState.None);
    this.id = 'loading';
    this.iconPath = icon('loading~spin');
  }
}

/** Something could not be loaded: a click opens the log. */
export class ErrorRow extends Row {
  constructor(what: string, problem: RunaboutError | undefined) {
    super(what, TreeItemCollapsibleState.None);
    this.id = `error/${what}`;
    this.iconPath = icon('error', 'list.errorForeground');
    this.description = problem?.message ?? '';
    this.tooltip = t('{0} Click for the log.', problem?.explained ?? what);
    this.command = { command: commands.showLog, title: t('Show Log') };
    this.accessibilityInformation = { label: `${what}. ${problem?.explained ?? ''}` };
  }
}

/** The last row of a list that has more. */
export class MoreRow extends Row {
  constructor(loading: boolean) {
    super(loading ? t('Loading…') : t('Load more…'), TreeItemCollapsibleState.None);
    this.id = 'more';
    this.iconPath = icon(loading ? 'loading~spin' : 'ellipsis');
    this.command = { command: commands.loadMoreTasks, title: t('Load more…') };
  }
}
