/** A text for the log with the value of every `"token"` taken out: a trace holds whole messages of the language client. */
export const withoutTokens = (text: string) => text.replace(/("token"\s*:\s*)"(?:[^"\\]|\\.)*"/g, '$1"…"');
