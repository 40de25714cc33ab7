import { t } from '../l10n.ts';
import type { Services } from '../services.ts';
import { taskOf } from './arguments.ts';

/** Opens the history of a task in the result panel: every change of its state, when and why. */
export async function showHistory(services: Services, on?: unknown): Promise<void> {
  const task = await taskOf(services, on, t('Show the history of'), () => true);
  if (task) await services.panel.show(task, 'history');
}
