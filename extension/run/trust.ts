import { workspace } from 'vscode';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { t } from '../l10n.ts';

/**
 * Pushing and running send the workspace's code to another machine, which a person does only with code they trust.
 * @throws RunaboutError `not-allowed`
 */
export function requireTrust(what: string): void {
  if (workspace.isTrusted) return;
  throw new RunaboutError('not-allowed', t('{0} needs a trusted workspace.', what), {
    hint: t('Trust it first, if you know where its code comes from.'),
  });
}
