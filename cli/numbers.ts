import { InvalidArgumentError } from 'commander';

/** Reads the number of an option; what is none is a usage error, before anything is done. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
  };

const UNITS: Record<string, number> = { min: 60_000, h: 3600_000, d: 24 * 3600_000 };

/** Reads a span of time, `90min`, `12h` or `30d`, as milliseconds. */
export function timeSpan(text: string): number {
  const [, number, unit] = /^(\d{1,5})(min|h|d)$/.exec(text) ?? [];
  const ms = Number(number) * UNITS[unit ?? '']!;
  if (ms > 0) return ms;
  throw new InvalidArgumentError('It takes a time like 90min, 12h or 30d.');
}

export const port = wholeNumber(0, 65_535);
/** As an endpoint's configuration takes them. */
export const workers = wholeNumber(1, 1024);
