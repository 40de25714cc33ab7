// What one task costs when it is submitted together with others: batches of 1, 2, 4 … 1,024 no-op tasks.
import { parseArgs } from 'node:util';
import type { SubmitTask, TaskRecord } from '../protocol/client-broker/tasks.ts';
import { limits } from '../protocol/limits.ts';
import { type HttpEcho, httpEcho } from './http-echo.ts';
import { benchTask, Ends, runAll } from './load.ts';
import { machine, quantile, round } from './machine.ts';
import { cpuUs } from './process.ts';
import { type Rig, startRig } from './rig.ts';

/** Batches of each size: as many as make `tasks`, but neither fewer nor more than these. */
const FEWEST = 8;
const MOST = 500;

/**
 * Options: `--tasks N` (about so many for each size, default 8,192), `--largest N` (default 1,024), `--workers N`
 * (default 2).
 *
 * One batch after another, each figure per task in microseconds, the times as medians over the batches:
 * - submit: the call of submit, which returns after the durable commit
 * - result: from that call until the results of the whole batch are at the client
 * - brokerCpu: processor time of the broker from the submission to the events, all its threads
 * - http: a bare HTTP exchange of as many bytes, in the same run
 */
export async function batch(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      tasks: { type: 'string', default: '8192' },
      largest: { type: 'string', default: String(limits.batch) },
      workers: { type: 'string', default: '2' },
    },
  });
  const tasks = Number(values.tasks);
  const largest = Number(values.largest);

  const rig = await startRig(Number(values.workers));
  const ends = new Ends(rig.client);
  const http = await httpEcho();
  try {
    const task = await benchTask(rig.client, rig.endpoint);
    await ends.ready;
    await runAll(rig.client, ends, task, Math.min(2000, tasks));
    const sizes = [];
    for (let size = 1; size <= largest; size *= 2) {
      console.error(`batches of ${size} …`);
      sizes.push(await measure(rig, ends, http, task, size, tasks));
    }
    const [one] = sizes;
    return {
      bench: 'batch',
      machine: machine(),
      sizes: sizes.map(each => ({
        ...each,
        ratio: {
          resultToBatchOf1: round(each.resultUs / one!.resultUs),
          brokerCpuToBatchOf1: each.brokerCpuUs === undefined ? undefined : round(each.brokerCpuUs / one!.brokerCpuUs!),
          submitToHttp: round(each.submitUs / each.httpUs, 1),
        },
      })),
    };
  } finally {
    http.stop();
    ends.close();
    await rig.stop();
  }
}

async function measure(rig: Rig, ends: Ends, http: HttpEcho, task: SubmitTask, size: number, tasks: number) {
  const calls = Math.max(FEWEST, Math.min(MOST, Math.ceil(tasks / size)));
  const body = new Array<SubmitTask>(size).fill(task);
  const submits: number[] = [];
  const results: number[] = [];
  const exchanges: number[] = [];
  let answerBytes = 0;
  const cpuBefore = cpuUs(rig.brokerPid);
  for (let i = 0; i < calls; i++) {
    const started = performance.now();
    let submitted: TaskRecord[] = [];
    await ends.all(size, async () => {
      submitted = await rig.client.submit(body);
      submits.push(performance.now() - started);
    });
    results.push(performance.now() - started);
    if (i === 0) answerBytes = JSON.stringify({ tasks: submitted }).length;
  }
  const cpuAfter = cpuUs(rig.brokerPid);
  const bytes = JSON.stringify({ tasks: body }).length;
  for (let i = 0; i < calls; i++) {
    const started = performance.now();
    await http.call(bytes, answerBytes);
    exchanges.push(performance.now() - started);
  }
  const perTask = (times: number[]) =>
    round(
      (quantile(
        times.toSorted((a, b) => a - b),
        0.5,
      ) *
        1000) /
        size,
      1,
    );
  return {
    batch: size,
    calls,
    submitUs: perTask(submits),
    resultUs: perTask(results),
    brokerCpuUs:
      cpuBefore === undefined || cpuAfter === undefined ? undefined : round((cpuAfter - cpuBefore) / (calls * size), 1),
    httpUs: perTask(exchanges),
  };
}
