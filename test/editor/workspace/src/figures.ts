import { toKelvin } from './units.ts';

/**
 * The mean temperature in kelvin.
 * @remote
 * @example mean([10, 20])
 */
export function mean(celsius: number[]): number {
  console.log(`averaging ${celsius.length} values`);
  return celsius.map(toKelvin).reduce((sum, each) => sum + each, 0) / celsius.length;
}

/** @remote */
export async function patience(): Promise<string> {
  console.log('waiting to be cancelled');
  await new Promise(resolve => setTimeout(resolve, 600_000));
  return 'nobody cancelled';
}

/** @remote */
export const table = () => [
  { city: 'Delft', people: 106184 },
  { city: 'Leiden', people: 127046 },
];

/** Not marked, so it has no lens. */
export function helper(): void {}
