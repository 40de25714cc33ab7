import { env, window } from 'vscode';
import { t } from '../l10n.ts';
import { isTooLarge } from '../run/largeResult.ts';
import { asText, resultOf } from '../run/result.ts';
import type { Services } from '../services.ts';
import { taskOf } from './arguments.ts';

export async function copyResult(services: Services, on?: unknown): Promise<void> {
  const task = await taskOf(
    services,
    on,
    t('Copy the result of'),
    ({ state }) => state === 'succeeded' || state === 'failed',
  );
  if (!task || (await isTooLarge(services, task))) return;
  await env.clipboard.writeText(asText(await resultOf(services, task)));
  window.setStatusBarMessage(t('$(check) Copied the result'), 3000);
}
