import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { folder } from '../support/folder.ts';
import { buildPrograms, type Programs, type Replacement } from './build.ts';
import { mutants } from './mutants.ts';
import { runRound } from './round.ts';
import { buildShim } from './shim.ts';

/** In one of so many rounds at the most. */
const ROUNDS = 4;

const built: Programs[] = [];

async function build(name: string, changes: Replacement[] = []): Promise<Programs> {
  const programs = await buildPrograms(`${name}-${process.pid}`, changes);
  built.push(programs);
  return programs;
}

afterAll(() => {
  for (const programs of built) rmSync(programs.folder, { recursive: true, force: true });
});

const real = await build('real');
const shim = buildShim(real.folder);
if (!shim && process.env.CI) throw new Error('gcc is missing, which builds the shim for clocks and disks.');

for (const { name, changes, plan, caughtBy } of mutants) {
  // Only the shim moves clocks and lets disks fail.
  const possible = shim !== undefined || plan.faults.every(({ kind }) => kind !== 'clock' && kind !== 'disk');
  describe.runIf(possible)(`a system that ${name}`, () => {
    it('is noticed', async () => {
      const programs = await build('mutant', changes);
      const found: string[] = [];
      // On a busy machine a process may be late for the moment that its fault is made for.
      for (let round = 0; round < ROUNDS && !found.some(invariant => caughtBy.includes(invariant)); round++) {
        const { violations } = await runRound(plan, programs, shim, folder('mutant'));
        found.push(...violations.map(({ invariant }) => invariant));
      }
      expect(caughtBy).toEqual(expect.arrayContaining([expect.toBeOneOf(found)]));
    });

    it('is noticed by that alone: the code as it is breaks nothing in the same round', async () => {
      const { violations } = await runRound(plan, real, shim, folder('real'));
      expect(violations).toEqual([]);
    });
  });
}
