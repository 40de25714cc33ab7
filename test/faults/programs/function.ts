// The function that the campaign's tasks run. It writes the ledger itself: whatever the system says about a run, this
// file says what happened.
import { createHash, randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { FunctionLine } from '../ledger.ts';
import type { Behaviour } from '../load.ts';

export interface Call {
  /** The ledger's file. */
  ledger: string;
  key: string;
  behaviour: Behaviour;
  ms: number;
  bytes: number;
}

export default async function work({ ledger, key, behaviour, ms, bytes }: Call): Promise<unknown> {
  const { RUNABOUT_TASK: task = '', RUNABOUT_ATTEMPT: attempt, RUNABOUT_ENDPOINT: endpoint = '' } = process.env;
  const run = randomUUID();
  const write = (line: FunctionLine) => appendFileSync(ledger, `${JSON.stringify(line)}\n`);
  write({ what: 'start', run, task, attempt: Number(attempt), endpoint, key, pid: process.pid, at: Date.now() });
  if (ms > 0) await pause(ms);
  switch (behaviour) {
    case 'throw':
      write({ what: 'finish', run, task, at: Date.now() });
      throw new Error(`run ${run}`);
    case 'exit':
      return process.exit(3);
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      await pause(60_000);
      return null;
    case 'print':
      for (let i = 0; i < 20; i++) console.log(`line ${i} of ${run}`);
  }
  const value = behaviour === 'binary' ? Buffer.from(`${run}${'b'.repeat(bytes)}`) : { run, filler: 'x'.repeat(bytes) };
  const sent = Buffer.isBuffer(value) ? value : JSON.stringify(value);
  write({ what: 'finish', run, task, at: Date.now(), digest: createHash('sha256').update(sent).digest('hex') });
  return value;
}
