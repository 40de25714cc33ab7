import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseEnv } from 'node:util';
import * as z from 'zod';
import { Name } from '../../protocol/client-broker/common.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { Id } from '../../protocol/ids.ts';
import type { EndpointPaths } from './folder.ts';

const MiB = 1024 * 1024;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SET_PREFIX = 'SET_ENV_';

/** An empty value is the same as none: the default holds. */
const optional = <T extends z.ZodType>(schema: T) => z.preprocess(text => (text === '' ? undefined : text), schema);
const whole = (min: number, max: number) => z.coerce.number('a number').int('a whole number').min(min).max(max);

const Settings = z.strictObject({
  NAME: Name,
  ENDPOINT_ID: Id,
  BROKER_URL: z.url({ protocol: /^https?$/, error: 'an address like http://host:port' }),
  WORKERS: optional(z.union([z.literal('auto'), whole(1, 1024)]).default('auto')),
  BLOCKS: optional(whole(1, 64).default(1)),
  TASKS_PER_WORKER: optional(whole(1, 65_536).default(1)),
  HEAP_MB: optional(whole(16, 1024 * 1024).optional()),
  PASS_ENV: optional(
    z
      .string()
      .default('')
      .transform(text => text.split(/[\s,]+/).filter(name => name !== ''))
      .refine(names => names.every(name => VARIABLE.test(name)), 'names of variables, separated by spaces'),
  ),
  GRACE_SECONDS: optional(whole(0, 3600).default(5)),
  DRAIN_SECONDS: optional(whole(0, 24 * 3600).default(10)),
  OUTPUT_MB: optional(whole(0, 1024).default(8)),
  CACHE_MB: optional(whole(64, 1024 * 1024).default(1024)),
  LOG_LEVEL: optional(z.enum(['debug', 'info', 'warn', 'error']).default('info')),
});

/** What an agent needs to know, checked. Sizes in bytes, times in milliseconds. */
export interface EndpointConfig {
  name: string;
  id: Id;
  brokerUrl: string;
  /** In each block. */
  workers: number;
  blocks: number;
  tasksPerWorker: number;
  heapMb: number | undefined;
  /** What functions see in their environment beside the common variables. */
  environment: Record<string, string>;
  graceMs: number;
  drainMs: number;
  outputBytes: number;
  cacheBytes: number;
  logLevel: string;
}

export interface FirstSettings {
  name: string;
  id: string;
  /** Address of the broker. */
  url: string;
  /** Absent: one per processor core. */
  workers?: number;
}

/** The text of a new configuration file: every setting with what it does. */
export function configText({ name, id, url, workers }: FirstSettings): string {
  return `# The endpoint ${name} of Runabout. One setting a line, KEY=value; what is commented out shows the default.
# Restart the endpoint after a change: runabout endpoint restart ${name}

# Name and id of the endpoint, and the broker it belongs to.
NAME=${name}
ENDPOINT_ID=${id}
BROKER_URL=${url}

# How many workers there are, each a process of its own. auto: one per processor core.
${workers === undefined ? '# WORKERS=auto' : `WORKERS=${workers}`}

# How many times those workers are there, each time under a manager process of its own. When a manager goes down, the
# tasks of its workers are run again, and those of the other blocks are not disturbed.
# BLOCKS=1

# How many tasks each worker runs at once. More than one is for functions that mostly wait (async functions that call
# other services): they share a process, and one that computes, or is not async, holds up the others in its worker.
# TASKS_PER_WORKER=1

# Memory for the JavaScript heap of each worker, in MiB. A function that needs more fails with
# function-out-of-memory, and the next task is not disturbed. Empty: Node.js decides by the machine's memory.
# HEAP_MB=

# Functions run as the user who started this endpoint, and can read what that user can read. Their environment is clean,
# though: PATH, HOME, LANG, LC_ALL, TZ and TMPDIR, RUNABOUT_TASK, RUNABOUT_ATTEMPT, RUNABOUT_ENDPOINT, and what is
# granted here: variables of the agent's own environment by their names, separated by spaces …
# PASS_ENV=HTTPS_PROXY NODE_EXTRA_CA_CERTS
# … and variables with values of your own, each as a line SET_ENV_ + its name:
# SET_ENV_MODEL_DIR=/data/models

# How long a cancelled task may take to end after SIGTERM, before SIGKILL, in seconds.
# GRACE_SECONDS=5

# How long running tasks may go on when the endpoint is stopped, in seconds. Then they are given back to the broker.
# DRAIN_SECONDS=10

# How much one task may print, in MiB. What is over is dropped, and the output says so.
# OUTPUT_MB=8

# How much disk space the code of functions and large values may take, in MiB.
# CACHE_MB=1024

# debug, info, warn or error.
# LOG_LEVEL=info
`;
}

/** The text with another address of the broker; everything else stays as its owner wrote it. */
export function withBrokerUrl(text: string, url: string): string {
  return text.replace(/^\s*BROKER_URL\s*=.*$/m, () => `BROKER_URL=${url}`);
}

/**
 * The configuration of an endpoint.
 * @throws RunaboutError `endpoint-config` with file, line and what is expected
 */
export function readConfig(paths: EndpointPaths, agentEnvironment: NodeJS.ProcessEnv): EndpointConfig {
  let text: string;
  try {
    text = readFileSync(paths.config, 'utf8');
  } catch (error) {
    throw new RunaboutError('endpoint-config', `There is no endpoint in ${paths.folder}.`, {
      hint: 'Create it with: runabout endpoint create NAME',
      cause: error,
    });
  }
  return parseConfig(text, paths.config, agentEnvironment);
}

export function parseConfig(text: string, file: string, agentEnvironment: NodeJS.ProcessEnv): EndpointConfig {
  checkLines(text, file);
  const granted: Record<string, string> = {};
  const plain: Record<string, string> = {};
  for (const [key, value] of Object.entries(parseEnv(text) as Record<string, string>)) {
    if (key.startsWith(SET_PREFIX)) granted[key.slice(SET_PREFIX.length)] = value;
    else plain[key] = value;
  }
  const parsed = Settings.safeParse(plain);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const key = issue.code === 'unrecognized_keys' ? issue.keys[0]! : String(issue.path[0]);
    if (issue.code === 'unrecognized_keys') throw invalid(file, lineOf(text, key), `there is no setting ${key}`);
    throw invalid(file, lineOf(text, key), `${key} is not valid: ${issue.message}`);
  }
  const settings = parsed.data;
  const passed = settings.PASS_ENV.flatMap(name => {
    const value = agentEnvironment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    name: settings.NAME,
    id: settings.ENDPOINT_ID,
    brokerUrl: settings.BROKER_URL,
    workers: settings.WORKERS === 'auto' ? availableParallelism() : settings.WORKERS,
    blocks: settings.BLOCKS,
    tasksPerWorker: settings.TASKS_PER_WORKER,
    heapMb: settings.HEAP_MB,
    environment: { ...Object.fromEntries(passed), ...granted },
    graceMs: settings.GRACE_SECONDS * 1000,
    drainMs: settings.DRAIN_SECONDS * 1000,
    outputBytes: settings.OUTPUT_MB * MiB,
    cacheBytes: settings.CACHE_MB * MiB,
    logLevel: settings.LOG_LEVEL,
  };
}

/** `parseEnv` passes over lines that it does not understand; a typing error must not. */
function checkLines(text: string, file: string): void {
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const key = /^\s*([^=\s]+)\s*=/.exec(line)?.[1];
    if (!key) throw invalid(file, i + 1, 'KEY=value is expected');
    if (!VARIABLE.test(key) || key === SET_PREFIX) throw invalid(file, i + 1, `${key} is no name of a setting`);
  }
}

function lineOf(text: string, key: string): number | undefined {
  const at = text.split(/\r?\n/).findLastIndex(line => line.trimStart().split(/\s*=/)[0] === key);
  return at < 0 ? undefined : at + 1;
}

function invalid(file: string, line: number | undefined, what: string): RunaboutError {
  const place = line === undefined ? file : `${file}, line ${line}`;
  return new RunaboutError('endpoint-config', `${place}: ${what}.`, {
    hint: 'Correct it and start the endpoint again.',
  });
}
