/** A real broker and a real endpoint under a folder of their own, started and stopped by the `runabout` command. */
import { join } from 'node:path';
import { type Ended, run } from './processes.ts';
import { root } from './vscode.ts';

export interface Platform {
  /** `RUNABOUT_HOME` of everything that belongs to it. */
  home: string;
  /** Runs the `runabout` command here. */
  cli(...args: string[]): Promise<Ended>;
}

/** @param env the environment of its processes; `home` is added */
export function platform(home: string, env: NodeJS.ProcessEnv = process.env): Platform {
  const program = join(root, 'dist/runabout.js');
  const { RUNABOUT_URL: _url, RUNABOUT_TOKEN: _token, ...rest } = env;
  return {
    home,
    cli: (...args) =>
      run(process.execPath, [program, ...args], {
        cwd: root,
        env: { ...rest, RUNABOUT_HOME: home },
        withinMs: 60_000,
        quiet: true,
      }),
  };
}

/** Starts a broker on a free port and the endpoint `name`; throws with what `runabout up` said when it could not. */
export async function up({ cli }: Platform, name: string): Promise<void> {
  const { status, text } = await cli('up', '--endpoint', name, '--port', '0', '--json');
  if (status !== 0) throw new Error(`runabout up failed: ${text}`);
}
