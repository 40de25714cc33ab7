import { window } from 'vscode';
import { t } from '../l10n.ts';
import { pickRegistered } from '../pick/function.ts';
import type { Services } from '../services.ts';
import { FunctionRow } from '../tree/functionRow.ts';

export async function deleteFunction(services: Services, on?: unknown): Promise<void> {
  const client = services.session.requireClient();
  const record = on instanceof FunctionRow ? on.record : await pickRegistered(services, t('Delete a function'));
  if (!record) return;
  const sure = t('Delete');
  const detail = t('All its versions go. Your source stays, and so do results that are there.');
  const answer = await window.showWarningMessage(
    t('Delete "{0}" from the registry?', record.name),
    { modal: true, detail },
    sure,
  );
  if (answer === sure) await client.deleteFunction(record.id);
}
