import manifest from '../package.json' with { type: 'json' };

/** The version of this broker. */
export const version: string = manifest.version;
