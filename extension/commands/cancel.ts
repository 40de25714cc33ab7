import { isTerminal } from '../../protocol/tasks/states.ts';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';
import { taskOf } from './arguments.ts';

export async function cancel(services: Services, on?: unknown): Promise<void> {
  const task = await taskOf(
    services,
    on,
    t('Cancel a task'),
    ({ state }) => !isTerminal(state) && state !== 'cancelling',
  );
  if (task) await services.session.requireClient().cancelUnlessEnded(task);
}
