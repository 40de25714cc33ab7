import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  endpointState,
  listEndpoints,
  moveEndpoint,
  removeEndpoint,
  restartEndpoint,
  startEndpoint,
  stopEndpoint,
  writeEndpoint,
} from '../agent/index.ts';
import { isServed } from '../broker/lock.ts';
import { BrokerClient } from '../client/client.ts';
import { findLocalBroker, type LocalBroker, localConnection } from '../client/local.ts';
import { programUrl } from '../protocol/entries.ts';
import { RunaboutError } from '../protocol/errors/error.ts';
import { userAgent } from './connect.ts';
import { startSentence } from './endpoint-words.ts';

/** What `runabout up` says while it works. The editor reads the same as JSON lines. */
export type Step =
  | { t: 'step'; text: string }
  | { t: 'ready'; url: string; tokenFile: string; endpoint: { id: string; name: string } };

interface LocalOptions {
  home: string;
  /** Name of the endpoint. */
  endpoint: string;
  /** Of a new endpoint; absent: one per processor core. */
  workers?: number | undefined;
  /** What a new broker asks for first. */
  port: number;
  report: (step: Step) => void;
}

/** Makes sure that a broker and an endpoint run on this machine, as detached processes, and reports each step. */
export async function startLocal({ home, endpoint: name, workers, port, report }: LocalOptions): Promise<void> {
  const say = (text: string) => report({ t: 'step', text });
  const running = runningBroker(home);
  const local = running ?? (await spawnBroker(home, port));
  if (running) say(`The broker runs already at ${local.url}.`);
  else if (port === 0 || new URL(local.url).port === String(port)) say(`Started a broker at ${local.url}.`);
  else say(`Port ${port} is taken; started a broker at ${local.url}.`);

  const connection = localConnection(home);
  if (!connection) throw new RunaboutError('token-missing', `The owner's token in ${local.tokenFile} cannot be read.`);
  const client = new BrokerClient(connection, userAgent);

  const ref = { home, name };
  const here = listEndpoints(home).includes(name);
  let endpoint = await client.findEndpoint(name);
  let moved = false;
  if (!endpoint || !here) {
    // A folder or a record alone is what is left of an earlier life of the other.
    if (here) removeEndpoint(ref);
    const created = endpoint
      ? await client.renewEndpointToken(endpoint.id)
      : await client.createEndpoint(name, 'This machine');
    endpoint = created.endpoint;
    writeEndpoint({ ...ref, id: endpoint.id, url: local.url, token: created.token, ...(workers ? { workers } : {}) });
    say(`Created the endpoint "${name}".`);
  } else {
    moved = moveEndpoint({ ...ref, url: local.url });
  }
  const runs = endpointState(ref).state === 'running';
  // An agent that runs on after its broker's crash would look for it at the old address for ever.
  if (runs && moved) say(startSentence(name, await restartEndpoint(ref)));
  else if (runs) say(`The endpoint "${name}" runs already.`);
  else say(startSentence(name, await startEndpoint(ref)));
  report({ t: 'ready', url: local.url, tokenFile: local.tokenFile, endpoint: { id: endpoint.id, name } });
}

/** Stops what {@link startLocal} started under this home. */
export async function stopLocal(home: string, say: (text: string) => void): Promise<void> {
  for (const name of listEndpoints(home)) {
    if (endpointState({ home, name }).state !== 'running') continue;
    await stopEndpoint({ home, name });
    say(`Stopped the endpoint "${name}".`);
  }
  const broker = runningBroker(home);
  if (!broker) {
    say('No broker runs here.');
    return;
  }
  process.kill(broker.pid, 'SIGTERM');
  await until(
    () => (isServed(dataDir(broker)) ? undefined : true),
    15_000,
    () => `The broker (process ${broker.pid}) does not stop.`,
  );
  say('Stopped the broker.');
}

const dataDir = (local: LocalBroker) => dirname(local.tokenFile);

/** The local broker, if it still serves its data: after a crash its number may be that of any other process. */
function runningBroker(home: string): LocalBroker | undefined {
  const local = findLocalBroker(home);
  return local && isServed(dataDir(local)) ? local : undefined;
}

/** What a broker needs of an environment. The rest, with whatever secrets it has, is the caller's own. */
const NEEDED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
/** Without these no program runs on Windows. */
const NEEDED_ON_WINDOWS = ['SystemRoot', 'USERPROFILE', 'TEMP', 'TMP'];

function brokerEnvironment(home: string): NodeJS.ProcessEnv {
  const names = process.platform === 'win32' ? [...NEEDED, ...NEEDED_ON_WINDOWS] : NEEDED;
  const given = names.filter(name => process.env[name] !== undefined).map(name => [name, process.env[name]]);
  return { ...Object.fromEntries(given), RUNABOUT_HOME: home };
}

async function spawnBroker(home: string, port: number): Promise<LocalBroker> {
  const data = join(home, 'broker');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const logFile = join(data, 'broker.log');
  const log = openSync(logFile, 'a', 0o600);
  const program = fileURLToPath(programUrl('runabout'));
  const args = ['broker', 'start', '--data', data, '--port', String(port), '--port-fallback', '--announce'];
  const child = spawn(process.execPath, [program, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: brokerEnvironment(home),
  });
  closeSync(log);
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.unref();
  const why = () =>
    `The broker did not start. The end of ${logFile}:\n${readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join('\n')}`;
  return await until(
    () => {
      const local = findLocalBroker(home);
      if (local?.pid === child.pid) return local;
      if (ended) throw new RunaboutError('broker-unreachable', why());
      return undefined;
    },
    15_000,
    why,
  );
}

/** Polls: what is waited for is another process. */
async function until<T>(look: () => T | undefined, withinMs: number, why: () => string): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new RunaboutError('broker-unreachable', why());
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}
