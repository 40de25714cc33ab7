import * as fc from 'fast-check';
import { Checker } from './checker.ts';
import { leaseMs, type Mutation, type Order, retentionMs, World } from './world.ts';

/** One step of a history. `agent` is one of two, `choice` one of those there are. */
export type Action =
  | { do: 'submit'; order: Order }
  | { do: 'cancel'; choice: number }
  | {
      do: 'connect' | 'cut' | 'beat' | 'sync' | 'exchange' | 'again' | 'restart' | 'bye' | 'intrude' | 'lapse';
      agent: number;
    }
  | { do: 'work'; agent: number; choice: number }
  | { do: 'claim' | 'to-broker' | 'to-agent'; agent: number; limit: number }
  | { do: 'start' | 'worker-dies' | 'repeat'; agent: number; choice: number }
  | { do: 'finish'; agent: number; choice: number; outcome: 'succeeded' | 'failed' }
  | { do: 'crash'; agent: number; machine: boolean }
  | { do: 'pass'; ms: number }
  | { do: 'sweep' | 'restart-broker' }
  | { do: 'purge'; after: number };

const agent = fc.constantFrom(0, 0, 0, 1);
const choice = fc.nat({ max: 7 });
const limit = fc.integer({ min: 1, max: 4 });
const order: fc.Arbitrary<Order> = fc.record({
  endpoint: agent,
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  key: fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined, freq: 2 }),
  content: fc.constantFrom('[1]', '[1]', '[2]'),
  deadlineMs: fc.option(fc.constantFrom(50, leaseMs), { nil: undefined, freq: 8 }),
});
const agentAction = fc.constantFrom(
  ...(['connect', 'connect', 'cut', 'beat', 'sync', 'exchange', 'exchange', 'again', 'restart'] as const),
);

export const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('submit' as const), order }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('work' as const), agent, choice }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), choice }) },
    { weight: 9, arbitrary: fc.record({ do: agentAction, agent }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom(...(['bye', 'intrude', 'lapse', 'lapse'] as const)), agent }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constantFrom('claim' as const, 'to-broker' as const, 'to-agent' as const),
        agent,
        limit,
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('start' as const), agent, choice }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('worker-dies' as const, 'repeat' as const), agent, choice }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('finish' as const),
        agent,
        choice,
        outcome: fc.constantFrom('succeeded' as const, 'succeeded' as const, 'failed' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), agent, machine: fc.boolean() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('pass' as const),
        ms: fc.constantFrom(10, 150, 333, leaseMs + 1, 3 * leaseMs + 1),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('sweep' as const, 'sweep' as const, 'restart-broker' as const) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('purge' as const),
        after: fc.constantFrom(0, retentionMs - 1, retentionMs),
      }),
    },
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);

/**
 * Runs a history to its end and checks it all along.
 * @throws Violation
 */
export function run(history: readonly Action[], mutation?: Mutation): void {
  const world = new World(mutation);
  try {
    const checker = new Checker(world);
    for (const action of history) {
      act(world, action);
      checker.observe();
    }
    settle(world, checker);
  } finally {
    world.close();
  }
}

function act(world: World, action: Action): void {
  const one = world.agents['agent' in action ? action.agent : 0]!;
  switch (action.do) {
    case 'submit':
      world.submit(action.order);
      return;
    case 'cancel':
      world.cancel(action.choice);
      return;
    case 'connect':
      world.connect(one);
      return;
    case 'cut':
      one.disconnected();
      return;
    case 'beat':
      one.beat();
      return;
    case 'sync':
      one.sync();
      return;
    case 'exchange':
      exchange(world, action.agent);
      return;
    case 'again':
      one.tellEndings();
      return;
    case 'restart':
      if (!one.isUp) one.restart();
      return;
    case 'bye':
      one.bye();
      return;
    case 'intrude':
      world.intrude(one);
      return;
    case 'lapse':
      one.disconnected();
      world.toBroker(one, 100);
      world.now += leaseMs + 1;
      world.sweep();
      world.sweep();
      return;
    case 'repeat':
      one.repeat(action.choice);
      return;
    case 'claim':
      world.claim(one, action.limit);
      return;
    case 'to-broker':
      world.toBroker(one, action.limit);
      return;
    case 'to-agent':
      world.toAgent(one, action.limit);
      return;
    case 'work':
      if (!one.isUp) one.restart();
      if (!one.connection) world.connect(one);
      exchange(world, action.agent);
      world.claim(one, 2);
      world.toAgent(one, 100);
      one.start(action.choice);
      one.sync();
      return;
    case 'start':
      one.start(action.choice);
      return;
    case 'worker-dies':
      one.workerDies(action.choice);
      return;
    case 'finish':
      one.finish(action.choice, action.outcome);
      return;
    case 'crash':
      one.crash(action.machine);
      return;
    case 'pass':
      world.now += action.ms;
      return;
    case 'sweep':
      world.sweep();
      return;
    case 'purge':
      world.now += action.after;
      world.purge();
      return;
    case 'restart-broker':
      world.restartBroker();
      return;
  }
}

/** A healthy moment: what was said arrives, both ways. */
function exchange(world: World, index: number): void {
  const one = world.agents[index]!;
  world.toAgent(one, 100);
  one.beat();
  world.toBroker(one, 100);
  world.toAgent(one, 100);
}

/** Enough for the longest pauses and the grace. */
const ROUNDS = 16;

/** The faults are over: agents come back and work until nothing is left. */
function settle(world: World, checker: Checker): void {
  for (let round = 0; round < ROUNDS && !(round > 1 && checker.allEnded); round++) {
    for (const [index, one] of world.agents.entries()) {
      if (!one.isUp) one.restart();
      one.sync();
      if (!one.connection) world.connect(one);
      exchange(world, index);
      world.claim(one, 100);
      exchange(world, index);
      one.sync();
      for (let i = 0; i < 8; i++) one.start(0);
      for (let i = 0; i < 8; i++) one.finish(0, 'succeeded');
      one.sync();
      exchange(world, index);
    }
    world.now += leaseMs / 2;
    world.sweep();
    checker.observe();
  }
  checker.conclude();
}
