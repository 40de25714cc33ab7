import * as fc from 'fast-check';
import { WorkerReport } from '../../../protocol/manager-worker/messages.ts';
import { isTerminal } from '../../../protocol/tasks/states.ts';
import type { AttackedEndpoint } from '../attacked-endpoint.ts';
import { hostileFrame, validMessage } from '../generators/frames.ts';
import type { Hop } from '../hop.ts';
import { must, within } from '../violation.ts';

// Most of them such as a worker could say, though not now: what is no message at all ends the worker at once.
const report = fc.oneof(
  { weight: 6, arbitrary: validMessage(WorkerReport) },
  { weight: 1, arbitrary: hostileFrame(WorkerReport) },
);

/** What a function writes to its worker's pipe, past the worker. It goes the whole way: manager, agent, broker. */
export function workerReportHop(endpoint: AttackedEndpoint): Hop<Uint8Array[]> {
  return {
    name: 'worker-report',
    share: 1,
    lanes: 1,
    input: fc.array(report, { minLength: 1, maxLength: 8, size: 'max' }),
    count: reports => reports.length,
    async check(reports) {
      const task = await within(60_000, 'A task whose function lies', endpoint.lie(Buffer.concat(reports)));
      must(isTerminal(task.state), `A task whose function lies is ${task.state}.`);
      return `${task.state} ${task.error?.code ?? ''}`.trim();
    },
  };
}
