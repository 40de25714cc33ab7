import type { OutputChunk, TaskOutput } from '../../protocol/client-broker/tasks.ts';
import type { OutputLine } from '../../protocol/panel/messages.ts';
import { decodeValue } from '../../protocol/values/codec.ts';
import { fromJsonPayload } from '../../protocol/values/payload.ts';
import { preview } from '../../protocol/values/preview.ts';
import { t } from '../l10n.ts';
import { bytes } from '../words.ts';

const MOST_LINES = 2000;
const MOST_CHARACTERS = 256 * 1024;

/**
 * The output of one task as the panel shows it: the newest part, in order, each chunk once. Live chunks wait until what
 * came before them has been read ({@link OutputTail.caughtUp}).
 */
export class OutputTail {
  lines: OutputLine[] = [];
  #characters = 0;
  #droppedLines = 0;
  #droppedBytes = 0;
  #attempt = -1;
  #seq = -1;
  /** Live chunks that came too early. */
  #early: OutputChunk[] | undefined = [];

  /** Live chunks: returns the lines that are new. */
  live(chunks: readonly OutputChunk[]): OutputLine[] {
    if (!this.#early) return this.#add(chunks);
    this.#early.push(...chunks);
    return [];
  }

  /** The stream of live chunks was cut: those that come again wait until the gap is closed. */
  lost(): void {
    this.#early ??= [];
  }

  /** What the broker has kept so far, read while the stream was open: returns the lines that are new. */
  caughtUp({ chunks, droppedBytes }: TaskOutput): OutputLine[] {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#droppedBytes = droppedBytes;
    return [...this.#add(chunks), ...this.#add(early)];
  }

  /** Adds chunks that are new. A new attempt begins anew. */
  #add(chunks: readonly OutputChunk[]): OutputLine[] {
    const added: OutputLine[] = [];
    for (const chunk of chunks) {
      if (chunk.attempt < this.#attempt || (chunk.attempt === this.#attempt && chunk.seq <= this.#seq)) continue;
      if (chunk.attempt > this.#attempt && this.#attempt !== -1) {
        const text = t('Attempt {0} begins; what the one before printed is above.', chunk.attempt);
        added.push({ at: chunk.at, stream: 'stderr', text: `${text}\n` });
      }
      this.#attempt = chunk.attempt;
      this.#seq = chunk.seq;
      added.push({ at: chunk.at, stream: chunk.stream, text: textOf(chunk) });
    }
    this.lines.push(...added);
    for (const line of added) this.#characters += line.text.length;
    this.#trim();
    return added;
  }

  /** What is missing, as a sentence. */
  get cut(): string | undefined {
    if (this.#droppedBytes > 0) return t('The first {0} are not kept.', bytes(this.#droppedBytes));
    if (this.#droppedLines > 0) return t('Only the newest {0} lines are shown.', this.lines.length);
    return undefined;
  }

  #trim(): void {
    while (this.lines.length > MOST_LINES || (this.#characters > MOST_CHARACTERS && this.lines.length > 1)) {
      const [first] = this.lines.splice(0, 1);
      this.#characters -= first?.text.length ?? 0;
      this.#droppedLines += 1;
    }
  }
}

function textOf({ text, value }: OutputChunk): string {
  if (text !== undefined) return text;
  const payload = value && fromJsonPayload(value);
  if (!payload) return t('(a large value)');
  try {
    return preview(decodeValue(payload), 2000);
  } catch {
    return t('(a value that cannot be read)');
  }
}
