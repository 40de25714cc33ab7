// Brings the planned faults about, and ends them.
import type { Failpoints, Hit } from './arming.ts';
import type { CampaignLine, FaultLine } from './ledger.ts';
import { signal } from './processes.ts';
import type { Rig } from './rig.ts';
import type { Fault, Line, Target } from './schedule.ts';
import type { Service } from './service.ts';
import type { Shim } from './shim.ts';

export class Striker {
  readonly #rig: Rig;
  readonly #failpoints: Failpoints;
  readonly #record: (line: CampaignLine) => void;
  /** What ends the faults that last. */
  readonly #open = new Set<() => void>();
  /** How long those are stopped whom a failpoint stops, by the arming's id. */
  readonly #stops = new Map<string, number>();
  #armings = 0;

  #followed = Date.now();

  constructor(rig: Rig, failpoints: Failpoints, record: (line: CampaignLine) => void) {
    this.#rig = rig;
    this.#failpoints = failpoints;
    this.#record = record;
  }

  strike(fault: Fault): void {
    switch (fault.kind) {
      case 'kill':
        this.#kill(fault.target, fault.at, fault.ms);
        return;
      case 'stop': {
        const pid = this.#pid(fault.target, fault.at);
        if (pid !== undefined)
          this.#stop(pid, fault.ms, { kind: 'stop', detail: 'SIGSTOP', ...this.#named(fault.target) });
        return;
      }
      case 'failpoint': {
        const { name, of, skip, action, ms } = fault;
        const id = String(++this.#armings);
        this.#stops.set(id, ms);
        this.#failpoints.arm(name, { id, skip, action, ...(of ? { kind: of } : {}) });
        return;
      }
      case 'net': {
        const { line, ms } = fault;
        const end = this.#proxy(line).begin(fault.fault);
        this.#lasting(ms, end, { kind: 'net', detail: fault.fault, ...this.#named(line) });
        return;
      }
      case 'disk': {
        const { target, call, error, ms } = fault;
        const shim = this.#shim(target);
        shim?.disk(call, error);
        const end = () => shim?.disk(call, undefined);
        this.#lasting(ms, end, { kind: 'disk', detail: `${error} at each ${call}`, ...this.#named(target) });
        return;
      }
      case 'clock': {
        const { target, jumpMs, ms } = fault;
        const shim = this.#shim(target);
        shim?.clock(jumpMs);
        const end = () => (fault.stays ? undefined : shim?.clock(0));
        this.#lasting(ms, end, { kind: 'clock', detail: `${jumpMs} ms`, ...this.#named(target) });
      }
    }
  }

  /** Notes what failpoints did since the last call, and lets those go on later that were stopped. */
  follow(): void {
    const now = Date.now();
    for (const { id, name, action, pid, argv } of this.#failpoints.hits()) {
      const what = { kind: 'failpoint', detail: `${action} at ${name}`, ...whoIs(argv) } as const;
      if (action === 'stop') this.#stop(pid, this.#stops.get(id) ?? 0, what);
      // It may have happened right after the last look, and have had its consequences by now.
      else this.#record({ what: 'fault', ...what, pid, from: this.#followed, until: Date.now() });
    }
    this.#followed = now;
  }

  /** The faults are over. */
  end(): void {
    this.#failpoints.disarmAll();
    this.follow();
    for (const end of [...this.#open]) end();
  }

  #kill(target: Target, at: number, ms: number): void {
    const service = this.#service(target);
    const pid = this.#pid(target, at);
    if (pid === undefined) return;
    if (service) service.kill(ms);
    else signal(pid, 'SIGKILL');
    this.#note(ms, { kind: 'kill', detail: 'SIGKILL', pid, ...this.#named(target) });
  }

  #stop(pid: number, ms: number, what: Pick<FaultLine, 'kind' | 'target' | 'endpoint' | 'detail'>): void {
    signal(pid, 'SIGSTOP');
    this.#lasting(ms, () => signal(pid, 'SIGCONT'), { ...what, pid });
  }

  #lasting(ms: number, undo: () => void, what: Omit<FaultLine, 'what' | 'from' | 'until'>): void {
    const from = Date.now();
    const end = () => {
      clearTimeout(timer);
      if (!this.#open.delete(end)) return;
      undo();
      // Not when it was planned to end: everything ends with the faults of the round.
      this.#record({ what: 'fault', ...what, from, until: Date.now() });
    };
    const timer = setTimeout(end, ms);
    this.#open.add(end);
  }

  #note(ms: number, what: Omit<FaultLine, 'what' | 'from' | 'until'>): void {
    const from = Date.now();
    this.#record({ what: 'fault', ...what, from, until: from + ms });
  }

  #named(target: Target | Line): Pick<FaultLine, 'target' | 'endpoint'> {
    if (!('endpoint' in target)) return { target: target.role };
    return { target: target.role, endpoint: this.#rig.endpoints[target.endpoint]!.name };
  }

  #service(target: Target): Service | undefined {
    if (target.role === 'broker') return this.#rig.broker;
    if (target.role === 'client') return this.#rig.clients[target.client]!.service;
    return target.role === 'agent' ? this.#rig.endpoints[target.endpoint]!.agent : undefined;
  }

  /** @param at chooses among several workers */
  #pid(target: Target, at: number): number | undefined {
    if (target.role !== 'manager' && target.role !== 'worker') return this.#service(target)?.pid;
    const { manager, workers } = this.#rig.managed(target.endpoint);
    return target.role === 'manager' ? manager : workers[at % workers.length];
  }

  #proxy(line: Line) {
    return 'client' in line ? this.#rig.clients[line.client]!.proxy : this.#rig.endpoints[line.endpoint]!.proxy;
  }

  #shim(target: Target): Shim | undefined {
    return 'endpoint' in target ? this.#rig.endpoints[target.endpoint]!.shim : this.#rig.brokerShim;
  }
}

/** Which process of the rig has these arguments. */
function whoIs(argv: Hit['argv']): Pick<FaultLine, 'target' | 'endpoint'> {
  const target = /([a-z]+)\.js$/.exec(argv[1] ?? '')?.[1] as FaultLine['target'];
  const endpoint =
    target === 'agent' ? argv[argv.indexOf('--name') + 1] : /\/endpoints\/([^/]+)\//.exec(argv.join(' '))?.[1];
  return { target, ...(endpoint ? { endpoint } : {}) };
}
