import { t } from '../l10n.ts';
import { pickEndpoint } from '../pick/endpoint.ts';
import type { EndpointRef } from '../run/chosenEndpoint.ts';
import type { Services } from '../services.ts';
import { EndpointRow } from '../tree/endpointRow.ts';

/** Chooses the endpoint that runs of this workspace use, where the mark of a function names none. */
export async function chooseEndpoint(services: Services, on?: unknown): Promise<EndpointRef | undefined> {
  const { chosen, session } = services;
  if (on instanceof EndpointRow) {
    await chosen.set(on.record);
    return on.record;
  }
  session.requireClient();
  const picked = await pickEndpoint(services, { title: t('Endpoint of this workspace'), current: chosen.get()?.id });
  if (picked) await chosen.set(picked);
  return picked;
}
