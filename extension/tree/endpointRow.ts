import { TreeItemCollapsibleState } from 'vscode';
import type { EndpointRecord } from '../../protocol/client-broker/endpoints.ts';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { t } from '../l10n.ts';
import { bytes, clock, endpointState } from '../words.ts';
import { factsMarkdown } from './markdown.ts';
import { FactRow, flags, icon, Row } from './row.ts';
import { TaskRow } from './taskRow.ts';

interface EndpointOptions {
  chosen: boolean;
  /** What is shown is the last that was known. */
  stale: boolean;
  /** Tasks of this endpoint that have not ended. */
  active: TaskRecord[];
}

/** Tasks shown under one endpoint. */
const MOST_TASKS = 50;

export class EndpointRow extends Row {
  readonly record: EndpointRecord;
  readonly #options: EndpointOptions;

  constructor(record: EndpointRecord, options: EndpointOptions) {
    super(record.name, TreeItemCollapsibleState.Collapsed);
    const { chosen, stale } = options;
    const state = endpointState(record);
    this.record = record;
    this.#options = options;
    this.id = record.id;
    this.description = chosen ? `${state} · ${t('chosen')}` : state;
    this.contextValue = flags('endpoint', record.status.state, chosen && 'chosen');
    this.iconPath = stale ? icon('vm-outline', 'disabledForeground') : stateIcon(record);
    this.tooltip = factsMarkdown(record.name, [
      [t('State'), state],
      [t('Problem'), record.status.problem],
      [t('Description'), record.description],
      [t('Machine'), record.host?.name],
      [t('Owner'), record.owner.name],
      [t('Created'), clock(record.createdAt)],
    ]);
    this.accessibilityInformation = { label: t('Endpoint {0}, {1}', record.name, String(this.description)) };
  }

  override children(): Row[] {
    const { host, status, id } = this.record;
    const { active, stale } = this.#options;
    const rows: Row[] = active.slice(0, MOST_TASKS).map(task => new TaskRow(task, { stale, under: id }));
    const more = active.length - rows.length;
    if (more > 0) rows.push(new FactRow(id, t('More'), t('{0} tasks', more), 'ellipsis'));
    if (status.problem) rows.push(new FactRow(id, t('Problem'), status.problem, 'warning'));
    if (status.workers) {
      const { busy, total, starting } = status.workers;
      const workers = t('{0} of {1} busy', busy, total) + (starting > 0 ? `, ${t('{0} starting', starting)}` : '');
      rows.push(new FactRow(id, t('Workers'), workers, 'server-process'));
    }
    if (!host) return rows;
    rows.push(
      new FactRow(id, t('Machine'), host.name, 'device-desktop'),
      new FactRow(id, t('System'), `${host.platform} ${host.arch}`, 'chip'),
      new FactRow(id, t('Resources'), t('{0} CPUs, {1}', host.cpus, bytes(host.memoryBytes)), 'dashboard'),
      new FactRow(id, t('Agent'), t('{0} on Node.js {1}', host.agentVersion, host.node), 'versions'),
    );
    return rows;
  }
}

function stateIcon({ status }: EndpointRecord) {
  if (status.problem) return icon('warning', 'list.warningForeground');
  if (status.state === 'online') return icon(status.running > 0 ? 'vm-running' : 'vm-active', 'testing.iconPassed');
  return icon('vm-outline', 'disabledForeground');
}
