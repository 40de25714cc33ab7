export function build(): Promise<void>;
export function buildIfStale(): Promise<void>;
export const programs: import('esbuild').BuildOptions & { entryPoints: Record<string, string> };
