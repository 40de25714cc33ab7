import { Name } from '../../../protocol/client-broker/common.ts';
import type { Tag } from './comment.ts';
import type { MarkProblem, MarkSettings } from './marked.ts';
import type { Span } from './source.ts';

/** The settings a mark may carry, with what completion says about them. */
export const settingNames = {
  endpoint: 'Name of the endpoint to run on.',
  timeout: 'How long one attempt may run: a number with ms, s, m or h, for example 30s.',
} as const;

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3600_000 };
const LONGEST_MS = 31 * 24 * 3600_000;

/** Milliseconds of `30s`, `1.5h`, …; `undefined` for anything else, or beyond 31 days. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (!match) return undefined;
  const ms = Math.round(Number(match[1]) * UNITS[match[2]!]!);
  return ms >= 1 && ms <= LONGEST_MS ? ms : undefined;
}

/** The settings on a `@remote` tag: `name=value` words on the tag's own line. */
export function parseSettings(text: string, tag: Tag): { settings: MarkSettings; problems: MarkProblem[] } {
  const settings: MarkSettings = {};
  const problems: MarkProblem[] = [];
  const seen = new Set<string>();
  const line = settingsLine(text, tag);
  for (const match of text.slice(line.start, line.end).matchAll(/\S+/g)) {
    const start = line.start + match.index;
    const span = { start, end: start + match[0].length };
    const problem = readSetting(match[0], span, settings, seen);
    if (problem) problems.push(problem);
  }
  return { settings, problems };
}

/** From after the tag to the end of its line. */
export function settingsLine(text: string, tag: Tag): Span {
  const rest = text.slice(tag.textSpan.start, tag.textSpan.end);
  const lineEnd = rest.search(/[\r\n]/);
  return { start: tag.textSpan.start, end: lineEnd < 0 ? tag.textSpan.end : tag.textSpan.start + lineEnd };
}

function readSetting(word: string, span: Span, settings: MarkSettings, seen: Set<string>): MarkProblem | undefined {
  const remove = {
    title: `Remove "${word}"`,
    edits: [{ span: { start: span.start - 1, end: span.end }, newText: '' }],
  };
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const nameSpan = { start: span.start, end: span.start + name.length };
  const value = equals < 0 ? '' : word.slice(equals + 1);
  const valueSpan = { start: Math.min(nameSpan.end + 1, span.end), end: span.end };

  if (!Object.hasOwn(settingNames, name)) {
    const near = nearest(name, Object.keys(settingNames));
    return {
      severity: 'error',
      code: 'setting-unknown',
      message: `There is no setting "${name}".${near ? ` Did you mean "${near}"?` : ` Known are ${Object.keys(settingNames).join(' and ')}.`}`,
      span: nameSpan,
      fixes: [...(near ? [{ title: `Change to "${near}"`, edits: [{ span: nameSpan, newText: near }] }] : []), remove],
    };
  }
  if (seen.has(name)) {
    return { severity: 'error', code: 'setting-twice', message: `"${name}" is set twice.`, span, fixes: [remove] };
  }
  seen.add(name);
  const malformed = (message: string, at: Span, more: { title: string; newText: string }[] = []): MarkProblem => ({
    severity: 'error',
    code: 'setting-malformed',
    message,
    span: at.start === at.end ? span : at,
    fixes: [...more.map(({ title, newText }) => ({ title, edits: [{ span: valueSpan, newText }] })), remove],
  });
  if (value === '')
    return malformed(`"${name}" has no value. Write ${name}=${name === 'timeout' ? '30s' : 'NAME'}.`, span);
  if (name === 'endpoint') {
    if (!Name.safeParse(value).success) {
      return malformed(
        `"${value}" cannot be the name of an endpoint: letters, digits, "-", "_" and "." only.`,
        valueSpan,
      );
    }
    settings.endpoint = value;
    return undefined;
  }
  const timeoutMs = parseDuration(value);
  if (timeoutMs === undefined) {
    const seconds =
      /^\d+(\.\d+)?$/.test(value) && parseDuration(`${value}s`)
        ? [{ title: `Change to "${value}s"`, newText: `${value}s` }]
        : [];
    return malformed(
      `"${value}" is not a time limit: a number with ms, s, m or h, up to 31 days (744h).`,
      valueSpan,
      seconds,
    );
  }
  settings.timeoutMs = timeoutMs;
  return undefined;
}

/** The candidate at most two edits away (Levenshtein), if any. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
