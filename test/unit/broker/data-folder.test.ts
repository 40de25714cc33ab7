import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataFolder } from '../../../broker/data-folder.ts';
import { folder } from '../../support/folder.ts';

describe('the data folder', () => {
  it('is made with its parents, for its user alone, and taken as it is the next time', async () => {
    const path = join(folder('data'), 'a', 'b');
    await openDataFolder(path);
    await openDataFolder(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it.runIf(process.platform === 'linux')('where the kernel lets nobody make one: an error at once', async () => {
    await expect(openDataFolder('/proc/x')).rejects.toMatchObject({
      code: 'broker-internal',
      message: expect.stringContaining('/proc/x'),
      hint: expect.stringContaining('--data'),
    });
    await expect(openDataFolder('/proc/x/y/z')).rejects.toMatchObject({ code: 'broker-internal' });
  });

  it('below a file: an error that names it', async () => {
    const file = join(folder('data'), 'file');
    writeFileSync(file, '');
    await expect(openDataFolder(join(file, 'data'))).rejects.toMatchObject({
      message: `The data folder ${join(file, 'data')} cannot be used: ENOTDIR.`,
    });
  });
});
