import { TreeItemCollapsibleState } from 'vscode';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { isTerminal, type TaskState } from '../../protocol/tasks/states.ts';
import { t } from '../l10n.ts';
import { clock, duration, shortName, stateWord, taskDuration, taskState, waitText } from '../words.ts';
import { factsMarkdown } from './markdown.ts';
import { flags, icon, Row } from './row.ts';

interface TaskOptions {
  stale: boolean;
  /** The id of the row it stands under, when it is not in the Tasks view. */
  under?: string;
}

export class TaskRow extends Row {
  readonly record: TaskRecord;

  constructor(record: TaskRecord, { stale, under }: TaskOptions) {
    super(shortName(record.function.name), TreeItemCollapsibleState.None);
    const took = taskDuration(record);
    this.record = record;
    this.id = under ? `${under}/${record.id}` : record.id;
    this.description = taskState(record, { where: under === undefined });
    const ended = isTerminal(record.state);
    this.contextValue = flags('task', record.state, ended ? 'ended' : record.state !== 'cancelling' && 'cancellable');
    this.iconPath = stale && !ended ? icon('question', 'disabledForeground') : stateIcon(record.state);
    this.tooltip = factsMarkdown(`${record.function.name} v${record.function.version}`, [
      [t('State'), stateWord(record.state)],
      [t('Waits'), record.wait && waitText(record.wait)],
      [t('Error'), record.error && `${record.error.name ? `${record.error.name}: ` : ''}${record.error.message}`],
      [t('Endpoint'), record.endpoint.name],
      [t('Submitted'), clock(record.createdAt)],
      [t('Took'), took === undefined ? undefined : duration(took)],
      [t('Attempt'), record.attempt > 0 ? t('{0} of at most {1}', record.attempt, record.maxAttempts) : undefined],
      [t('Kept until'), record.keptUntil === undefined ? undefined : clock(record.keptUntil)],
      [t('Task'), record.id],
    ]);
    this.accessibilityInformation = { label: t('Task {0}, {1}', shortName(record.function.name), taskState(record)) };
  }
}

function stateIcon(state: TaskState) {
  switch (state) {
    case 'queued':
    case 'leased':
      return icon('watch', 'list.deemphasizedForeground');
    case 'running':
      return icon('loading~spin', 'progressBar.background');
    case 'cancelling':
      return icon('loading~spin', 'list.warningForeground');
    case 'succeeded':
      return icon('pass', 'testing.iconPassed');
    case 'failed':
      return icon('error', 'testing.iconFailed');
    case 'cancelled':
      return icon('circle-slash', 'list.deemphasizedForeground');
    case 'expired':
    case 'lost':
      return icon('warning', 'list.warningForeground');
  }
}
