type Translate = (message: string, ...args: (string | number)[]) => string;

/** English as written: what runs until {@link setTranslations}, and in tests of the parts that know nothing of VS Code. */
let translate: Translate = (message, ...args) => message.replace(/\{(\d+)\}/g, (_, i) => String(args[Number(i)] ?? ''));

/** Text of the interface in the person's language; `{0}` stands for the first argument. */
export const t: Translate = (message, ...args) => translate(message, ...args);

/** From now on texts come from VS Code's translations (`vscode.l10n.t`). */
export function setTranslations(l10n: Translate): void {
  translate = l10n;
}
