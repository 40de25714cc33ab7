import { t } from '../l10n.ts';
import { pickFunction } from '../pick/function.ts';
import { runFunction } from '../run/runFunction.ts';
import type { Services } from '../services.ts';
import { EndpointRow } from '../tree/endpointRow.ts';
import { functionOf, lensArguments } from './arguments.ts';

/**
 * Runs a function. A lens says which, and where; from the editor's menu, the palette and the views the person is asked
 * for the endpoint, with the chosen one first. Returns the task's id.
 */
export async function run(services: Services, on?: unknown): Promise<string | undefined> {
  const lens = lensArguments(on);
  if (lens) {
    const { uri, name, ...rest } = lens;
    return await runFunction(services, { target: { kind: 'source', uri, name }, ...rest });
  }
  services.session.requireClient();
  if (on instanceof EndpointRow) {
    const target = await pickFunction(services, t('Run a function on {0}', on.record.name));
    return target && (await runFunction(services, { target, endpoint: on.record.id }));
  }
  const target = functionOf(services, on) ?? (await pickFunction(services, t('Run a function')));
  return target && (await runFunction(services, { target, pick: true }));
}
