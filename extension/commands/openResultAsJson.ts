import { t } from '../l10n.ts';
import { isTooLarge } from '../run/largeResult.ts';
import { openResult } from '../run/resultDocuments.ts';
import type { Services } from '../services.ts';
import { taskOf } from './arguments.ts';

export async function openResultAsJson(services: Services, on?: unknown): Promise<void> {
  const task = await taskOf(
    services,
    on,
    t('Open the result of'),
    ({ state }) => state === 'succeeded' || state === 'failed',
  );
  if (task && !(await isTooLarge(services, task))) await openResult(services, task);
}
