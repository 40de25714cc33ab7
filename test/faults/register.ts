import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BrokerClient } from '../../client/client.ts';
import { bundleOf } from '../support/bundle.ts';

/** Registers the function that all tasks run. Returns its id. */
export async function registerWork(client: BrokerClient): Promise<string> {
  const source = readFileSync(fileURLToPath(new URL('./programs/function.ts', import.meta.url)), 'utf8');
  const { code, map } = await bundleOf(source, 'test/faults/programs/function.ts');
  const digest = await client.uploadBundle(code);
  const mapDigest = await client.uploadBundle(map);
  const { function: registered } = await client.registerFunction({
    name: 'test/faults/programs/function.ts#work',
    digest,
    details: { kind: 'async', mapDigest },
  });
  return registered.id;
}
