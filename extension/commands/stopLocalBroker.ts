import { window } from 'vscode';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';

/** Stops the broker and the endpoints of this machine. */
export async function stopLocalBroker({ local, log, lists }: Services): Promise<void> {
  const running = lists.active.size;
  const sure = t('Stop');
  const detail =
    running > 0
      ? t('{0} tasks have not ended. They wait until it runs again.', running)
      : t('Functions, tasks and results stay; start it again to use them.');
  const answer = await window.showWarningMessage(t('Stop the local broker?'), { modal: true, detail }, sure);
  if (answer === sure) await local.stop(step => log.info(step));
}
