import { expect, test } from 'vitest';
import { openLog } from '../../../agent/log.ts';

test.runIf(process.platform === 'linux')('a full disk does not stop who logs', () => {
  const log = openLog('/dev/full', 'info', false);
  expect(() => {
    log.info('first');
    log.info('second');
  }).not.toThrow();
});
