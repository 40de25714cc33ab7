// What a failpoint does in the campaign's bundles: nothing, unless the campaign has armed it by a file of its name.
import { appendFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Armed, Hit } from '../arming.ts';

/** Set by the build. */
declare const FAILPOINT_FOLDER: string;

/** How long a process waits here for the campaign to stop it, in milliseconds; the campaign looks every 50. */
const HELD_MS = 150;

/** Passes since a failpoint was armed, by the arming's id. */
const passes = new Map<string, number>();

/** @param kinds what this pass is about, for failpoints that many kinds of work pass */
export function failpoint(name: string, kinds?: readonly string[]): void {
  const file = join(FAILPOINT_FOLDER, name);
  if (!existsSync(file)) return;
  let armed: Armed;
  try {
    armed = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // Another process was first, or it is being written.
    return;
  }
  if (armed.kind !== undefined && !kinds?.includes(armed.kind)) return;
  const passed = passes.get(armed.id) ?? 0;
  passes.set(armed.id, passed + 1);
  if (passed < armed.skip) return;
  try {
    // Of several processes one gets it.
    renameSync(file, `${file}.${armed.id}`);
  } catch {
    return;
  }
  const hit: Hit = { id: armed.id, name, action: armed.action, pid: process.pid, argv: process.argv };
  appendFileSync(join(FAILPOINT_FOLDER, 'hits.jsonl'), `${JSON.stringify(hit)}\n`);
  if (armed.action === 'kill') process.kill(process.pid, 'SIGKILL');
  // The campaign stops it, and knows when: a process that stopped itself might do so after it was told to go on.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HELD_MS);
}
