import { window } from 'vscode';
import { t } from '../l10n.ts';
import { pickEndpoint } from '../pick/endpoint.ts';
import type { Services } from '../services.ts';
import { EndpointRow } from '../tree/endpointRow.ts';

export async function deleteEndpoint(services: Services, on?: unknown): Promise<void> {
  const client = services.session.requireClient();
  const endpoint =
    on instanceof EndpointRow ? on.record : await pickEndpoint(services, { title: t('Delete an endpoint') });
  if (!endpoint) return;
  const sure = t('Delete');
  const detail = t('Its waiting tasks end, and its agent is no longer let in. Results that are there stay.');
  const answer = await window.showWarningMessage(
    t('Delete the endpoint "{0}"?', endpoint.name),
    { modal: true, detail },
    sure,
  );
  if (answer === sure) await client.deleteEndpoint(endpoint.id);
}
