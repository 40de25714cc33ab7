import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { setUpCommand } from '../../../extension/connection/setUpCommand.ts';
import { folder } from '../../support/folder.ts';
import { endpoint } from './records.ts';

test.skipIf(process.platform === 'win32')('a shell runs it as meant, and the token is no argument', () => {
  const bin = folder('bin');
  const program = join(bin, 'runabout');
  writeFileSync(program, '#!/bin/sh\necho "$RUNABOUT_URL|$RUNABOUT_TOKEN|$*"\n');
  chmodSync(program, 0o755);
  const url = "https://it's.example/$HOME";
  const record = endpoint({ state: 'new', since: 0, queued: 0, running: 0 }, 'lab-1');
  const command = setUpCommand(url, { endpoint: record, token: 'rba_`id`"$x' });
  const output = execFileSync('/bin/sh', ['-c', command], { env: { PATH: `${bin}:/bin:/usr/bin` } }).toString();
  expect(output.split('\n')).toEqual([`${url}|rba_\`id\`"$x|endpoint create lab-1`, '||endpoint start lab-1', '']);
});
