import { asRunaboutError, toProblem } from '../protocol/errors/error.ts';

/** Exit statuses of the command. Usage errors are 2. */
export const exit = { functionFailed: 1, notRun: 3 } as const;

/** One line of JSON, for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A line for people. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Says why a command could not do its work, and sets the exit status: 1 stays for a function that failed. */
export function fail(error: unknown, json = false): void {
  const known = asRunaboutError(error, 'broker-internal', 'Unexpected');
  if (json) printJson({ t: 'error', ...toProblem(known) });
  else process.stderr.write(`runabout: ${known.message}${known.hint ? `\n${known.hint}` : ''}\n`);
  process.exitCode = exit.notRun;
}

/** A table for people: columns as wide as they have to be. */
export function table(header: string[], rows: string[][]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n');
}

/** How long ago, or how long: `340 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
}

export const ago = (time: number) => `${duration(Math.max(0, Date.now() - time))} ago`;
