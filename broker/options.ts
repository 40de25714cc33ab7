import { isIP } from 'node:net';
import { RunaboutError } from '../protocol/errors/error.ts';
import { type Clock, systemClock } from './clock.ts';
import { defaultPeerLimits, type PeerLimits } from './peer-limits.ts';
import { defaultPolicy, type StorePolicy } from './store/contract.ts';

export interface BrokerOptions extends Partial<StorePolicy> {
  /** Database, blobs, owner token. Made if it is not there, with mode 0700. */
  dataDir: string;
  /** Address to listen on; 127.0.0.1 unless given. Another than loopback needs `tls` or `allowInsecure`. */
  host?: string;
  /** 0 is any free port. */
  port?: number;
  /** When the port is taken, take another instead of failing. */
  portFallback?: boolean;
  /** Listen without TLS on an address that other machines reach: tokens then travel in the clear. */
  allowInsecure?: boolean;
  tls?: { certFile: string; keyFile: string };
  logLevel?: string;
  /** Standard error if absent. */
  logFile?: string;
  /** How long an agent may be silent before its tasks are taken back, in milliseconds. */
  leaseMs?: number;
  /** How often lapsed leases and deadlines are looked for, in milliseconds. */
  sweepMs?: number;
  /** How often it is looked for what is not kept any more, in milliseconds. */
  purgeMs?: number;
  /** How long a new socket may take to say `hello` or `sub`, in milliseconds. */
  helloTimeoutMs?: number;
  /** Failed authentications per minute and address before 429. */
  authFailuresPerMinute?: number;
  /** How much one peer may take; see {@link PeerLimits}. */
  peers?: Partial<PeerLimits>;
  clock?: Clock;
}

export type Settings = Required<Omit<BrokerOptions, 'tls' | 'logFile' | 'peers'>> &
  Pick<BrokerOptions, 'tls' | 'logFile'> & { peers: PeerLimits };

export function withDefaults(options: BrokerOptions): Settings {
  const leaseMs = options.leaseMs ?? 30_000;
  const shortest = Math.min(
    options.retentionMs ?? defaultPolicy.retentionMs,
    options.uploadGraceMs ?? defaultPolicy.uploadGraceMs,
  );
  return {
    host: '127.0.0.1',
    port: 0,
    portFallback: false,
    allowInsecure: false,
    logLevel: 'info',
    leaseMs,
    sweepMs: Math.max(20, Math.min(5_000, leaseMs / 3)),
    purgeMs: Math.max(1_000, Math.min(3600_000, shortest / 24)),
    helloTimeoutMs: 10_000,
    authFailuresPerMinute: 120,
    clock: systemClock,
    ...defaultPolicy,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    dataDir: options.dataDir,
    peers: { ...defaultPeerLimits, ...options.peers },
  };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @throws RunaboutError `broker-address` for an address that others reach, without protection */
export function checkAddress({ host, tls, allowInsecure }: Settings): void {
  if (isLoopback(host) || tls || allowInsecure) return;
  throw new RunaboutError(
    'broker-address',
    `The broker will not listen on ${host} without TLS: other machines reach that address, and tokens would travel in the clear.`,
    {
      hint: 'Give it a certificate and key, listen on 127.0.0.1 behind a proxy that ends TLS, or allow insecure connections on purpose.',
    },
  );
}
