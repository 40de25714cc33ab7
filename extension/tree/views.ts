import { views } from '../ids.ts';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';
import { EndpointRow } from './endpointRow.ts';
import { FunctionRow } from './functionRow.ts';
import { ListView } from './listView.ts';
import { TaskRow } from './taskRow.ts';

/** The three views of the Runabout container. */
export function createViews({ session, lists, chosen }: Services) {
  return {
    endpoints: new ListView({
      id: views.endpoints,
      list: lists.endpoints,
      session,
      first: true,
      loading: t('Loading endpoints…'),
      failed: t('The endpoints could not be loaded'),
      row: (record, stale) =>
        new EndpointRow(record, {
          stale,
          chosen: chosen.get()?.id === record.id,
          active: lists.active.all().filter(task => task.endpoint.id === record.id),
        }),
      redrawOn: [lists.active.onDidChange, chosen.onDidChange],
    }),
    functions: new ListView({
      id: views.functions,
      list: lists.functions,
      session,
      loading: t('Loading functions…'),
      failed: t('The functions could not be loaded'),
      row: (record, stale) =>
        new FunctionRow(record, stale, async id => (await session.requireClient().listVersions(id)).items),
    }),
    tasks: new ListView({
      id: views.tasks,
      list: lists.tasks,
      session,
      loading: t('Loading tasks…'),
      failed: t('The tasks could not be loaded'),
      row: (record, stale) => new TaskRow(record, { stale }),
    }),
  };
}
export type Views = ReturnType<typeof createViews>;
