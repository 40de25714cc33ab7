import { ProgressLocation, window } from 'vscode';
import { setContext } from '../contextKeys.ts';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';

/** Starts a broker and an endpoint on this machine, connects to them, and chooses that endpoint. */
export async function startLocalBroker({ local, connector, chosen, log }: Services): Promise<void> {
  setContext('startingLocal', true);
  try {
    const title = t('Starting a local broker and endpoint');
    const options = { location: ProgressLocation.Notification, title, cancellable: true };
    const ready = await window.withProgress(options, (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      return local.start(step => {
        log.info(step);
        progress.report({ message: step });
      }, abort.signal);
    });
    await connector.chooseLocal();
    await chosen.set(ready.endpoint);
  } finally {
    setContext('startingLocal', false);
  }
}
