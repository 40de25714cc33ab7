import { RunaboutError } from '../../protocol/errors/error.ts';
import { t } from '../l10n.ts';

/** The document in which a person writes arguments: JSON with comments, so that it can say what it is. */
export function argumentsText(signature: string, schemaUri: string, template: string): string {
  const comment = signature.replace(/\s+/g, ' ');
  const value = template.trim().replace(/\n/g, '\n  ');
  return `{\n  // ${comment}\n  "$schema": ${JSON.stringify(schemaUri)},\n  "arguments": ${value}\n}\n`;
}

/**
 * The arguments in such a document.
 * @throws RunaboutError `arguments-invalid` that says what is wrong
 */
export function readArguments(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(withoutComments(text));
  } catch (error) {
    throw new RunaboutError('arguments-invalid', t('The arguments are not JSON: {0}', (error as Error).message), {
      hint: t('The editor underlines the place.'),
    });
  }
  const args = (value as { arguments?: unknown } | null)?.arguments;
  if (Array.isArray(args)) return args;
  throw new RunaboutError('arguments-invalid', t('"arguments" has to be an array with one value for each parameter.'));
}

/** The text with comments and trailing commas blanked, so that positions in errors stay true. */
function withoutComments(text: string): string {
  const token = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\/|,(?=\s*[\]}])/g;
  return text.replace(token, found => (found.startsWith('"') ? found : found.replace(/[^\n]/g, ' ')));
}
