import { z } from 'zod';
import { byMonth, readLog } from './readings.ts';
import log from './station.json' with { type: 'json' };

const Unit = z.enum(['C', 'F']);

export interface MonthReport {
  month: string;
  mean: number;
  coldest: number;
  warmest: number;
  rainMm: number;
  chart: string;
}

/**
 * A year in the garden: the temperatures and the rain of each month.
 *
 * @remote timeout=1m
 * @param unit degrees Celsius or Fahrenheit
 * @example monthlyReport()
 * @example monthlyReport('F')
 */
export function monthlyReport(unit: 'C' | 'F' = 'C'): MonthReport[] {
  const convert = Unit.parse(unit) === 'F' ? (celsius: number) => celsius * 1.8 + 32 : (celsius: number) => celsius;
  const months = byMonth(readLog(log));
  console.log(`${log.station}: ${log.readings.length} readings, ${months.size} months`);

  return [...months].map(([month, readings]) => {
    const degrees = readings.map(({ celsius }) => convert(celsius));
    const rain = readings.reduce((sum, { rainMm }) => sum + rainMm, 0);
    return {
      month,
      mean: round(degrees.reduce((a, b) => a + b, 0) / degrees.length),
      coldest: round(Math.min(...degrees)),
      warmest: round(Math.max(...degrees)),
      rainMm: round(rain),
      chart: '▇'.repeat(Math.round(rain / 4)),
    };
  });
}

/**
 * The same from a log that the mice got at: it fails, and says on which lines here.
 *
 * @remote
 * @param row which reading they chewed, from 0
 * @example repairedReport(3)
 */
export function repairedReport(row = 3): number {
  const chewed = log.readings.map((reading, i) => (i === row ? { ...reading, celsius: 'squeak' } : reading));
  try {
    return readLog({ ...log, readings: chewed }).length;
  } catch (cause) {
    throw new Error('The year cannot be reported', { cause });
  }
}

const round = (value: number) => Math.round(value * 10) / 10;
