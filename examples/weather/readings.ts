import { z } from 'zod';

const Reading = z.object({ day: z.iso.date(), celsius: z.number().min(-60).max(60), rainMm: z.number().nonnegative() });
const Log = z.object({ station: z.string(), readings: z.array(Reading) });

export type Reading = z.infer<typeof Reading>;

/** The readings of a station's log. A log that is damaged is refused, with the reading that is. */
export function readLog(log: unknown): Reading[] {
  const parsed = Log.safeParse(log);
  if (parsed.success) return parsed.data.readings;
  const [issue] = parsed.error.issues;
  throw new Error(`The log is damaged at ${issue?.path.join('.')}`, { cause: parsed.error });
}

/** Readings by month, `2025-01` and so on, in order. */
export function byMonth(readings: Reading[]): Map<string, Reading[]> {
  return Map.groupBy(readings, ({ day }) => day.slice(0, 7));
}
