import { limits } from './limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether a text, if it is JSON, is nested deeper than anything that is meant. */
export function isTooDeep(text: string): boolean {
  // A level takes two characters.
  if (text.length <= 2 * limits.jsonDepth) return false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i);
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        if (depth > limits.jsonDepth) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
    }
  }
  return false;
}

/** Index of the quote that ends the string that begins at `start`, or of the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

/** @throws SyntaxError also for JSON that is nested too deeply */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) throw new SyntaxError(`The JSON is nested deeper than ${limits.jsonDepth} levels.`);
  return JSON.parse(text);
}
