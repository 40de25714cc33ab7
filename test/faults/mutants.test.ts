import { describe, expect, it } from 'vitest';
import { folder } from '../support/folder.ts';
import { buildPrograms } from './build.ts';
import { mutants } from './mutants.ts';
import { runRound } from './round.ts';
import { buildShim } from './shim.ts';

const programs = await buildPrograms(`real-${process.pid}`);
const shim = buildShim(programs.folder);
if (!shim && process.env.CI) throw new Error('gcc is missing, which builds the shim for clocks and disks.');

for (const { name, changes, plan, caughtBy } of mutants) {
  // Only the shim moves clocks.
  const possible = shim !== undefined || plan.faults.every(({ kind }) => kind !== 'clock');
  describe.runIf(possible)(`a system that ${name}`, () => {
    it('is noticed', async () => {
      const mutated = await buildPrograms(`mutant-${process.pid}`, changes);
      const { violations } = await runRound(plan, mutated, shim, folder('mutant'));
      expect(violations.map(({ invariant }) => invariant)).toEqual(
        expect.arrayContaining([expect.toBeOneOf(caughtBy)]),
      );
    });

    it('is noticed by that alone: the code as it is breaks nothing in the same round', async () => {
      const { violations } = await runRound(plan, programs, shim, folder('real'));
      expect(violations).toEqual([]);
    });
  });
}
