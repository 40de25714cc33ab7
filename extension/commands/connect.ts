import { ProgressLocation, window, workspace } from 'vscode';
import { BrokerClient } from '../../client/client.ts';
import { checkBrokerUrl } from '../connection/brokerUrl.ts';
import { settings } from '../ids.ts';
import { t } from '../l10n.ts';
import type { Services } from '../services.ts';
import { chooseEndpoint } from './chooseEndpoint.ts';

/** Connects to a broker: its address, a token, a check that both are right, and then straight to an endpoint. */
export async function connect(services: Services): Promise<void> {
  const url = await askUrl(services);
  if (url === undefined) return;
  const token = await askToken(url);
  if (!token) return;
  const who = await verify(url, token);
  await services.connector.chooseRemote({ url, token });
  services.log.info(`Connected to ${url} as ${who}.`);
  if (!services.chosen.get()) await chooseEndpoint(services);
}

async function askUrl({ session }: Services): Promise<string | undefined> {
  const known = session.connection?.url ?? workspace.getConfiguration().get(settings.brokerUrl, '');
  const text = await window.showInputBox({
    title: t('Connect to a broker (1/2)'),
    prompt: t('Address of the broker'),
    placeHolder: 'https://broker.example.org',
    value: known,
    ignoreFocusOut: true,
    validateInput: value => {
      const checked = checkBrokerUrl(value);
      return checked.ok ? undefined : checked.why;
    },
  });
  if (text === undefined) return undefined;
  const checked = checkBrokerUrl(text);
  if (!checked.ok) return undefined;
  if (!checked.plain) return checked.url;
  const goOn = t('Connect Without Encryption');
  const answer = await window.showWarningMessage(
    t('{0} is not encrypted.', checked.url),
    { modal: true, detail: t('Anybody between here and there can read the token and everything you run.') },
    goOn,
  );
  return answer === goOn ? checked.url : undefined;
}

async function askToken(url: string): Promise<string | undefined> {
  const text = await window.showInputBox({
    title: t('Connect to a broker (2/2)'),
    prompt: t('Token for {0}. The one who runs the broker gives it to you.', url),
    password: true,
    ignoreFocusOut: true,
    validateInput: value =>
      /^[\x21-\x7e]*$/.test(value.trim()) ? undefined : t('A token has no spaces or special letters.'),
  });
  return text?.trim();
}

/** @returns the name the broker knows the token under */
async function verify(url: string, token: string): Promise<string> {
  const options = { location: ProgressLocation.Notification, title: t('Connecting to {0}', url), cancellable: true };
  return await window.withProgress(options, async (_, cancellation) => {
    const abort = new AbortController();
    cancellation.onCancellationRequested(() => abort.abort());
    const { principal } = await new BrokerClient({ url, token }).whoAmI({ signal: abort.signal });
    return principal.name;
  });
}
