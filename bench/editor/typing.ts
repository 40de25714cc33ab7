// Lenses while a person types in a large file: our server's, and those of a server that has none to give.
import { fileURLToPath } from 'node:url';
import { quantile, round } from '../machine.ts';
import { LspServer } from './lsp.ts';
import type { Project } from './project.ts';

const ours = fileURLToPath(new URL('../../dist/language-server.cjs', import.meta.url));
const bare = fileURLToPath(new URL('./bare-server.ts', import.meta.url));

/** Rhythms of typing: milliseconds before each key. */
const rhythms = {
  /** Fast and even. */
  steady: () => 60,
  /**
   * A thought before each key: whatever the server does when a person pauses (diagnostics after 150 ms, bundles after 300
   * and 1,500, the compiler after 500) is under way at some of the next keys.
   */
  pauses: (random: () => number) => 150 + 550 * random(),
};
type Rhythm = keyof typeof rhythms;

interface Latency {
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** Processor time of the server's main thread, on Linux. */
  cpuP50Ms: number;
  cpuP95Ms: number;
}

/** @param keys how many keys are timed in each rhythm */
export async function typing(project: Project, keys: number) {
  const { large } = project;
  const server = await measure(ours, project, keys);
  const peer = await measure(bare, project, keys);
  const ratio = (rhythm: Rhythm, of: keyof Latency) => round(server[rhythm][of] / peer[rhythm][of], 1);
  return {
    lines: large.text.split('\n').length,
    marks: large.marked.length,
    keys,
    ...server,
    bare: peer,
    ratio: {
      steadyP95ToBare: ratio('steady', 'p95Ms'),
      steadyCpuP95ToBare: ratio('steady', 'cpuP95Ms'),
      pausesP95ToBare: ratio('pauses', 'p95Ms'),
      pausesCpuP95ToBare: ratio('pauses', 'cpuP95Ms'),
    },
  };
}

async function measure(program: string, { folder, large }: Project, keys: number): Promise<Record<Rhythm, Latency>> {
  const server = await LspServer.start(program, {
    folder,
    env: { ...process.env, RUNABOUT_HOME: `${folder}/home` },
    initializationOptions: { clientCommands: true, storagePath: `${folder}/state` },
  });
  try {
    const uri = await server.open(large.file, large.text);
    // What opening starts is over, and every path is compiled.
    await type(server, uri, large, 50, () => 60);
    return {
      steady: await type(server, uri, large, keys, rhythms.steady),
      pauses: await type(server, uri, large, keys, rhythms.pauses),
    };
  } finally {
    await server.stop();
  }
}

/** Types words into the bodies of marked functions and checks that lenses come: all of them, or none at all. */
async function type(
  server: LspServer,
  uri: string,
  { text, marked }: Project['large'],
  keys: number,
  rhythm: (random: () => number) => number,
): Promise<Latency> {
  const lines = text.split('\n');
  const random = seeded(7);
  const times: number[] = [];
  const cpu: number[] = [];
  const expected = (await server.lenses(uri)).length;
  for (let key = 0; key < keys; key++) {
    // A few keys in one function, then on to another.
    const name = marked[(Math.floor(key / 8) * 13) % marked.length]!;
    const line = lines.findIndex(candidate => candidate.includes(`function ${name}(`)) + 2;
    await new Promise(resolve => setTimeout(resolve, rhythm(random)));
    const { lenses, ms, cpuMs } = await server.type(uri, { line, character: 2 }, key % 8 === 7 ? ';' : 'x');
    if (lenses.length !== expected) throw new Error(`There are ${lenses.length} lenses, and were ${expected}.`);
    times.push(ms);
    cpu.push(cpuMs);
  }
  for (const all of [times, cpu]) all.sort((a, b) => a - b);
  return {
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    p99Ms: quantile(times, 0.99),
    cpuP50Ms: quantile(cpu, 0.5),
    cpuP95Ms: quantile(cpu, 0.95),
  };
}

/** Numbers from 0 to 1, the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
