/** One line of a V8 stack. `line` and `column` count from 1; 0 where V8 gives none (`<anonymous>`, `native`). */
export interface RawFrame {
  name: string;
  file: string;
  line: number;
  column: number;
}

export interface RawStack {
  /** What stands above the frames: usually `Name: message`. */
  head: string;
  frames: RawFrame[];
}

const FRAME_LINE = /^ {4}at /;

/** The text of `error.stack` as data (https://v8.dev/docs/stack-trace-api). Lines of no known form are left out. */
export function parseStack(stack: string): RawStack {
  const lines = stack.split('\n');
  const first = lines.findIndex(line => FRAME_LINE.test(line));
  if (first < 0) return { head: stack, frames: [] };
  const frames: RawFrame[] = [];
  for (const line of lines.slice(first)) {
    const frame = FRAME_LINE.test(line) ? parseFrame(line.slice(7)) : undefined;
    if (frame) frames.push(frame);
  }
  return { head: lines.slice(0, first).join('\n'), frames };
}

function parseFrame(text: string): RawFrame | undefined {
  // `name (place)`, or only `place`. The place itself may hold brackets, so the first ` (` counts.
  const open = text.endsWith(')') ? text.indexOf(' (') : -1;
  const name = (open < 0 ? '' : text.slice(0, open)).replace(/^async /, '');
  const place = open < 0 ? text.replace(/^async /, '') : text.slice(open + 2, -1);
  const located = /^(.*?):(\d+):(\d+)$/s.exec(place);
  if (located) return { name, file: located[1]!, line: Number(located[2]), column: Number(located[3]) };
  return open < 0 ? undefined : { name, file: place, line: 0, column: 0 };
}

/** The inverse of {@link parseStack}, for one frame. */
export function frameText({ name, file, line, column }: RawFrame): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return name === '' ? `    at ${place}` : `    at ${name} (${place})`;
}
