import type { RunSummary } from '../../protocol/editor-server/messages.ts';
import { t } from '../l10n.ts';
import { duration, waitText } from '../words.ts';

/** How a line looks: which colour it takes. */
export type Tone = 'result' | 'running' | 'stale' | 'error';

export interface InlineText {
  text: string;
  tone: Tone;
}

const MOST_CHARACTERS = 80;

/** What stands at the end of a marked function's line, for its newest task: at most 80 characters, one line. */
export function inlineText(run: RunSummary, now?: number): InlineText {
  const tone = toneOf(run);
  return { text: cut(textOf(run, now)), tone: run.stale && tone !== 'running' ? 'stale' : tone };
}

/** The text on the line that threw, or `undefined` when it is out of date or of no known line. */
export function errorText(run: RunSummary): string | undefined {
  if (run.stale || !run.errorAt || !run.error) return undefined;
  return cut(`✗ ${run.error.name ? `${run.error.name}: ` : ''}${run.error.message}`);
}

function toneOf(run: RunSummary): Tone {
  switch (run.state) {
    case 'succeeded':
      return 'result';
    case 'queued':
    case 'leased':
    case 'running':
    case 'cancelling':
      return 'running';
    // Somebody wanted it so.
    case 'cancelled':
      return 'stale';
    default:
      return 'error';
  }
}

function textOf(run: RunSummary, now?: number): string {
  const where = run.endpoint.name;
  const took = run.durationMs === undefined ? '' : ` · ${duration(run.durationMs)}`;
  switch (run.state) {
    case 'queued':
    case 'leased':
      return `… ${run.wait ? waitText(run.wait, now) : t('waiting for {0}', where)}`;
    case 'running':
      return `… ${run.text || t('running on {0}', where)}`;
    case 'cancelling':
      return `… ${t('cancelling on {0}', where)}`;
    case 'succeeded': {
      const tail = `${took}${run.stale ? ` · ${t('code has changed')}` : ''}`;
      // The end is known a moment before the value is.
      return `= ${cut(run.text || '…', MOST_CHARACTERS - tail.length - 2)}${tail}`;
    }
    case 'cancelled':
      return `${t('cancelled')}${took}`;
    default: {
      const tail = `${took}${run.stale ? ` · ${t('code has changed')}` : ''}`;
      return `✗ ${cut(run.text, MOST_CHARACTERS - tail.length - 2)}${tail}`;
    }
  }
}

function cut(text: string, most = MOST_CHARACTERS): string {
  const line = text.replace(/\s*[\r\n]+\s*/g, ' ⏎ ');
  return line.length <= most ? line : `${line.slice(0, Math.max(0, most - 1))}…`;
}
