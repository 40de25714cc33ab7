import { beforeEach, describe } from 'vitest';
import { type OpenStore, use, useFactory } from './harness.ts';
import { delivery } from './suites/delivery.ts';
import { leases } from './suites/leases.ts';
import { reading } from './suites/reading.ts';
import { registry } from './suites/registry.ts';
import { retention } from './suites/retention.ts';
import { submission } from './suites/submission.ts';

/** What every implementation of the store has to do. `open` gives a new, empty one. */
export function conformance(name: string, open: OpenStore): void {
  describe(`${name} as a store`, () => {
    useFactory(open);
    beforeEach(() => use());
    registry();
    submission();
    delivery();
    leases();
    reading();
    retention();
  });
}
