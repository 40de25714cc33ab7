/** What every program needs to work at all. Managers and functions get these of the agent's environment. */
const COMMON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ'];

/** The common variables that are set in this process. */
export function commonEnvironment(): Record<string, string> {
  return Object.fromEntries(
    COMMON.flatMap(name => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
