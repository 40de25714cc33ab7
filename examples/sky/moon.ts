/** Days between two new moons, on average, and the first one of the year 2000 as a Julian date (Meeus, chapter 49). */
const SYNODIC_MONTH = 29.530588861;
const FIRST_NEW_MOON = 2451550.09766;

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/**
 * When the moon is new and full in a year, to within about ten minutes: the largest terms of Jean Meeus, Astronomical
 * Algorithms, chapter 49.
 *
 * @remote
 * @param year of the Gregorian calendar
 * @param phases which to list
 * @example moonPhases(2027)
 * @example moonPhases(2027, ['full'])
 */
export function moonPhases(
  year: number,
  phases: ('new' | 'full')[] = ['new', 'full'],
): { phase: 'new' | 'full'; at: Date; weekday: string }[] {
  const found: { phase: 'new' | 'full'; at: Date; weekday: string }[] = [];
  const first = Math.floor((year - 2000) * 12.3685) - 1;
  for (let k = first; k < first + 15; k += 0.5) {
    const phase = Number.isInteger(k) ? 'new' : 'full';
    const at = dateOf(moment(k));
    if (!phases.includes(phase) || at.getUTCFullYear() !== year) continue;
    found.push({ phase, at, weekday: at.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' }) });
  }
  return found;
}

/** The Julian date of lunation `k`, counted from the first new moon of 2000; `k + 0.5` is the full moon after it. */
function moment(k: number): number {
  const t = k / 1236.85;
  const eccentricity = 1 - 0.002516 * t;
  const sun = radians(2.5534 + 29.1053567 * k);
  const moon = radians(201.5643 + 385.81693528 * k);
  const latitude = radians(160.7108 + 390.67050284 * k);
  const full = !Number.isInteger(k);
  return (
    FIRST_NEW_MOON +
    SYNODIC_MONTH * k +
    0.00015437 * t ** 2 -
    (full ? 0.40614 : 0.4072) * Math.sin(moon) +
    (full ? 0.17302 : 0.17241) * eccentricity * Math.sin(sun) +
    (full ? 0.01614 : 0.01608) * Math.sin(2 * moon) +
    (full ? 0.01043 : 0.01039) * Math.sin(2 * latitude) +
    (full ? 0.00734 : 0.00739) * eccentricity * Math.sin(moon - sun) -
    (full ? 0.00515 : 0.00514) * eccentricity * Math.sin(moon + sun) +
    (full ? 0.00209 : 0.00208) * eccentricity ** 2 * Math.sin(2 * sun)
  );
}

/** Terrestrial time runs about 70 s ahead of UTC these years. */
const dateOf = (julian: number) => new Date(Math.round((julian - 2440587.5) * 86_400_000) - 70_000);
