// Which faults strike when: decided by the seed alone, before anything runs.
import { failpoints } from './failpoints.ts';
import type { Random } from './random.ts';

/** A process of the rig: one of several by its index. */
export type Target =
  | { role: 'broker' }
  | { role: 'agent' | 'manager' | 'worker'; endpoint: number }
  | { role: 'client'; client: number };

/** A connection that runs through a proxy: that of an agent or a client to the broker. */
export type Line = { role: 'agent'; endpoint: number } | { role: 'client'; client: number };

export const netFaults = [
  'reset',
  'hole-up',
  'hole-down',
  'delay',
  'split',
  'cut',
  'replay-up',
  'replay-down',
] as const;
export type NetFault = (typeof netFaults)[number];

export const diskErrors = ['ENOSPC', 'EIO'] as const;
/** Writes, or making them durable. */
export const diskCalls = ['write', 'sync'] as const;

/** Times in milliseconds; `at` from the start of the round, `ms` how long it lasts. */
export type Fault = { at: number; ms: number } & (
  | { kind: 'kill'; target: Target }
  /** SIGSTOP, and SIGCONT after `ms`. */
  | { kind: 'stop'; target: Target }
  /** The first process that passes after `skip` others is killed, or stopped for `ms`. */
  | { kind: 'failpoint'; name: string; of?: string; skip: number; action: 'kill' | 'stop' }
  | { kind: 'net'; line: Line; fault: NetFault }
  | { kind: 'disk'; target: Target; error: (typeof diskErrors)[number]; call: (typeof diskCalls)[number] }
  /** The wall clock of one process is off by `jumpMs`, and back after `ms`, unless it stays so beyond the round's end. */
  | { kind: 'clock'; target: Target; jumpMs: number; stays: boolean }
);

export type FaultKind = Fault['kind'];

export interface Shape {
  endpoints: number;
  clients: number;
  /** The shortest and the longest that a fault lasts; one in four is longer than `longMs`, if there is that. */
  shortMs: [number, number];
  longMs?: [number, number];
  /** How far clocks jump, beside a minute and an hour. */
  jumpMs: number;
  /** In which the faults begin. */
  ms: number;
  /** Kinds that can be brought about on this machine. */
  kinds: readonly FaultKind[];
  /** Roles of processes that are killed and stopped. */
  roles: readonly Target['role'][];
}

const WEIGHTS: Record<FaultKind, number> = { kill: 24, stop: 12, failpoint: 34, net: 18, disk: 7, clock: 5 };

/** The faults of a round, by time. They overlap. */
export function planFaults(random: Random, shape: Shape): Fault[] {
  const count = Math.max(1, random.whole(Math.floor(shape.ms / 1_500), Math.ceil(shape.ms / 600)));
  const weights = Object.fromEntries(shape.kinds.map(kind => [kind, WEIGHTS[kind]])) as Record<FaultKind, number>;
  const faults = Array.from({ length: count }, () => planFault(random, random.weighted(weights), shape));
  return faults.sort((a, b) => a.at - b.at);
}

function planFault(random: Random, kind: FaultKind, shape: Shape): Fault {
  const when = { at: random.whole(0, shape.ms), ms: duration(random, shape) };
  switch (kind) {
    case 'kill':
      return { kind, ...when, target: anyTarget(random, shape) };
    case 'stop':
      return { kind, ...when, target: anyTarget(random, shape) };
    case 'failpoint': {
      const names = Object.keys(failpoints).filter(name => shape.roles.includes(roleAt(name)));
      const name = random.pick(names);
      const kinds = failpoints[name]!;
      const action = random.chance(0.8) ? 'kill' : 'stop';
      const of = kinds.length > 0 ? { of: random.pick(kinds) } : {};
      return { kind, ...when, name, ...of, skip: random.whole(0, 5), action };
    }
    case 'net':
      return { kind, ...when, line: anyLine(random, shape), fault: random.pick(netFaults) };
    case 'disk':
      return {
        ...{ kind, ...when, target: serving(random, shape) },
        ...{ error: random.pick(diskErrors), call: random.pick(diskCalls) },
      };
    case 'clock': {
      const size = random.pick([shape.jumpMs, 60_000, 3_600_000]);
      return {
        kind,
        ...when,
        target: serving(random, shape),
        jumpMs: random.chance(0.5) ? size : -size,
        stays: random.chance(0.5),
      };
    }
  }
}

function duration(random: Random, { shortMs, longMs }: Shape): number {
  return longMs && random.chance(0.25) ? random.whole(...longMs) : random.whole(...shortMs);
}

const ROLES: Record<Target['role'], number> = { broker: 25, agent: 30, manager: 15, worker: 20, client: 10 };

function anyTarget(random: Random, shape: Shape): Target {
  const weights = Object.fromEntries(shape.roles.map(role => [role, ROLES[role]])) as typeof ROLES;
  const role = random.weighted(weights);
  if (role === 'broker') return { role };
  if (role === 'client') return { role, client: random.whole(0, shape.clients - 1) };
  return { role, endpoint: random.whole(0, shape.endpoints - 1) };
}

/** Whose process passes a failpoint. The store is a thread of the broker. */
function roleAt(name: string): Target['role'] {
  const [part] = name.split('.');
  return part === 'store' ? 'broker' : (part as Target['role']);
}

/** A process that keeps a disk and a lease. */
function serving(random: Random, shape: Shape): Target {
  return random.chance(0.5) ? { role: 'broker' } : { role: 'agent', endpoint: random.whole(0, shape.endpoints - 1) };
}

function anyLine(random: Random, shape: Shape): Line {
  return random.chance(0.7)
    ? { role: 'agent', endpoint: random.whole(0, shape.endpoints - 1) }
    : { role: 'client', client: random.whole(0, shape.clients - 1) };
}
