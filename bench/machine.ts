import { cpus, totalmem } from 'node:os';

/** What the figures were measured on. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
}

/** The value below which `share` (0..1) of the sorted samples lie, to three decimals. */
export function quantile(sorted: readonly number[], share: number): number {
  return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
}

export const round = (value: number, digits = 3) => Number(value.toFixed(digits));

export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
