import { t } from '../l10n.ts';
import type { Services } from '../services.ts';
import { taskOf } from './arguments.ts';

/** Opens a task in the result panel. */
export async function showResult(services: Services, on?: unknown): Promise<void> {
  const task = await taskOf(services, on, t('Show the result of'), () => true);
  if (task) await services.panel.show(task);
}
