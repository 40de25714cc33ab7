import { type QuickPickItem, ThemeIcon } from 'vscode';
import type { TaskRecord } from '../../protocol/client-broker/tasks.ts';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';
import { shortName, taskState } from '../words.ts';
import { livePick } from './quickPick.ts';

interface TaskItem extends QuickPickItem {
  task: TaskRecord;
}

/** Asks for a task, the newest first. */
export async function pickTask(
  { lists, session }: Services,
  title: string,
  wanted: (task: TaskRecord) => boolean,
): Promise<string | undefined> {
  const client = session.requireClient();
  const candidates = () => {
    const known = new Map([...lists.active.all(), ...lists.tasks.all()].map(task => [task.id, task]));
    return [...known.values()].filter(wanted).sort((a, b) => (a.id < b.id ? 1 : -1));
  };
  const picked = await livePick<TaskItem>({
    title,
    placeholder:
      candidates().length > 0 ? t('Choose a task') : t('There is no such task on {0}', client.connection.url),
    items: () =>
      candidates().map(task => ({
        label: shortName(task.function.name),
        description: taskState(task),
        iconPath: new ThemeIcon('list-flat'),
        task,
      })),
    busy: () => lists.tasks.status === 'loading',
    onDidChange: [lists.tasks.onDidChange, lists.active.onDidChange],
  });
  return picked?.task.id;
}
