import { TreeItemCollapsibleState } from 'vscode';
import type { FunctionRecord, FunctionVersion } from '../../protocol/client-broker/functions.ts';
import { t } from '../l10n.ts';
import { bytes, clock, shortName } from '../words.ts';
import { factsMarkdown } from './markdown.ts';
import { ErrorRow, FactRow, flags, icon, Row } from './row.ts';

export type LoadVersions = (id: string) => Promise<FunctionVersion[]>;

export class FunctionRow extends Row {
  readonly record: FunctionRecord;
  readonly #versions: LoadVersions;

  constructor(record: FunctionRecord, stale: boolean, versions: LoadVersions) {
    super(shortName(record.name), TreeItemCollapsibleState.Collapsed);
    const { latest } = record;
    const file = latest.details.source?.file ?? record.name.replace(/#.*$/, '');
    this.record = record;
    this.#versions = versions;
    this.id = record.id;
    this.description = `v${latest.version} · ${file}`;
    this.contextValue = flags('function', latest.details.source && 'source');
    this.iconPath = icon('symbol-function', stale ? 'disabledForeground' : 'symbolIcon.functionForeground');
    this.tooltip = factsMarkdown(record.name, [
      [t('Description'), latest.details.description],
      [t('Newest version'), `v${latest.version}, ${clock(latest.createdAt)}, ${bytes(latest.size)}`],
      [t('Kind'), latest.details.kind],
      [t('Source'), latest.details.source && `${file}:${latest.details.source.line}`],
      [t('Owner'), record.owner.name],
    ]);
    this.accessibilityInformation = {
      label: t('Function {0}, version {1}, of {2}', shortName(record.name), latest.version, file),
    };
  }

  override async children(): Promise<Row[]> {
    const parameters = parameterRows(this.record);
    try {
      const versions = await this.#versions(this.record.id);
      return [...parameters, ...versions.map(version => new VersionRow(this.record, version))];
    } catch {
      return [...parameters, new ErrorRow(t('The versions could not be loaded'), undefined)];
    }
  }
}

/** One immutable version of a function. */
export class VersionRow extends Row {
  constructor({ id, latest }: FunctionRecord, version: FunctionVersion) {
    super(`v${version.version}`, TreeItemCollapsibleState.None);
    this.id = `${id}/v${version.version}`;
    const newest = version.version === latest.version ? ` · ${t('newest')}` : '';
    this.description = `${clock(version.createdAt)} · ${bytes(version.size)}${newest}`;
    this.contextValue = flags('version');
    this.iconPath = icon('git-commit');
    this.tooltip = factsMarkdown(`v${version.version}`, [
      [t('Pushed'), clock(version.createdAt)],
      [t('Size'), bytes(version.size)],
      [t('Digest'), version.digest],
    ]);
    this.accessibilityInformation = { label: t('Version {0}, {1}', version.version, String(this.description)) };
  }
}

function parameterRows({ id, latest }: FunctionRecord): Row[] {
  const schema = latest.details.parameters;
  const items = Array.isArray(schema?.prefixItems) ? (schema.prefixItems as Record<string, unknown>[]) : [];
  return items.map((item, i) => {
    const name = typeof item.title === 'string' ? item.title : t('argument {0}', i + 1);
    return new FactRow(`${id}/parameters`, name, typeText(item), 'symbol-parameter');
  });
}

function typeText(schema: Record<string, unknown>): string {
  if (typeof schema.type === 'string') {
    const items = schema.items as Record<string, unknown> | undefined;
    return schema.type === 'array' && items ? `${typeText(items)}[]` : schema.type;
  }
  if (Array.isArray(schema.type)) return schema.type.join(' | ');
  if (Array.isArray(schema.enum))
    return schema.enum
      .map(item => JSON.stringify(item))
      .join(' | ')
      .slice(0, 80);
  const choices = (schema.anyOf ?? schema.oneOf) as Record<string, unknown>[] | undefined;
  if (Array.isArray(choices)) return choices.map(typeText).join(' | ').slice(0, 80);
  return 'const' in schema ? JSON.stringify(schema.const) : t('any value');
}
