import { AttackedEndpoint } from './attacked-endpoint.ts';
import { campaign, type HopReport } from './campaign.ts';
import { Canary, type CanaryReport } from './canary.ts';
import type { AnyHop } from './hop.ts';
import { agentSessionHop } from './hops/agent-session.ts';
import { eventsHop } from './hops/events.ts';
import { framesHop } from './hops/frames.ts';
import { HostileAgent } from './hops/hostile-agent.ts';
import { hostileBrokerHop } from './hops/hostile-broker.ts';
import { hostileManagerHop } from './hops/hostile-manager.ts';
import { parsersHop } from './hops/parsers.ts';
import { rawHttpHop } from './hops/raw-http.ts';
import { restHop } from './hops/rest.ts';
import { valuesHop } from './hops/values.ts';
import { workerReportHop } from './hops/worker-report.ts';
import { HostileBroker } from './hostile-broker.ts';
import { must } from './violation.ts';
import { World } from './world.ts';

export interface FuzzOptions {
  inputs: number;
  seed: number;
  hop?: string | undefined;
  path?: string | undefined;
  say(text: string): void;
  signal?: AbortSignal;
}

export interface FuzzReport {
  seed: number;
  inputs: number;
  seconds: number;
  hops: HopReport[];
  canary: CanaryReport;
  /** Of the broker after a collection of garbage, in MiB: before the first input, and after the last. */
  memory: { before: Memory; after: Memory };
}
interface Memory {
  rss: number;
  heap: number;
}

/** What the broker's heap may have grown by at the end, in MiB: caches that fill once, with room to spare. */
const HEAP_GROWTH = 64;
/** What its process may have at the end, in MiB. Whatever it was sent, most of it is the page cache of the store. */
const MOST_RSS = 768;

/**
 * Sends bad input over every hop, beside an innocent client whose tasks have to end.
 * @throws FuzzFailure, Violation
 */
export async function fuzz({ inputs, seed, hop: only, path, say, signal }: FuzzOptions): Promise<FuzzReport> {
  const started = performance.now();
  const world = await World.open();
  const undo: (() => Promise<unknown>)[] = [() => world.close()];
  try {
    const attacked = await AttackedEndpoint.start(world);
    undo.push(() => attacked.stop());
    const led = await HostileBroker.start(world.folder);
    undo.push(() => led.stop());
    const managed = new HostileAgent(world.folder);
    undo.push(() => managed.stop());
    const hops: AnyHop[] = [
      await restHop(world),
      rawHttpHop(world),
      eventsHop(world),
      agentSessionHop(world),
      framesHop(),
      valuesHop(),
      parsersHop(),
      workerReportHop(attacked),
      hostileBrokerHop(led, world.names),
      hostileManagerHop(led, world.names),
      managed.hop(world.names),
    ];
    const chosen = only === undefined ? hops : hops.filter(({ name }) => name === only);
    must(chosen.length > 0, `There is no hop ${only}; there are ${hops.map(({ name }) => name).join(', ')}.`);
    const canary = await Canary.start(world);
    undo.push(() => canary.stop());
    const before = await memoryOf(world);
    let told = 0;
    const reports = await campaign(chosen, {
      inputs,
      seed,
      path,
      signal,
      progress(done) {
        if (done - told < 50_000) return;
        told = done;
        say(`${done} inputs`);
      },
    });
    await world.checkInnocent();
    const canaryReport = await canary.stop();
    const after = await memoryOf(world);
    must(
      after.heap - before.heap < HEAP_GROWTH,
      `The broker's heap has grown from ${before.heap} to ${after.heap} MiB.`,
    );
    must(after.rss < MOST_RSS, `The broker takes ${after.rss} MiB.`);
    const failures = world.failures();
    must(failures.length === 0, `The broker logged ${failures.length} failures of its own, first: ${failures[0]}`);
    const done = reports.reduce((sum, report) => sum + report.inputs, 0);
    const seconds = (performance.now() - started) / 1000;
    return { seed, inputs: done, seconds, hops: reports, canary: canaryReport, memory: { before, after } };
  } finally {
    for (const step of undo.reverse()) await step().catch(say);
  }
}

const MiB = (bytes: number) => Math.round(bytes / 1024 / 1024);

async function memoryOf(world: World): Promise<Memory> {
  const { rss, heapUsed, external } = await world.memory();
  return { rss: MiB(rss), heap: MiB(heapUsed + external) };
}
