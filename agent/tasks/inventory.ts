/** What the attempts of an agent come to, for those who ask. */
import type { Have } from '../../protocol/broker-agent/messages.ts';
import type { Attempt } from './attempt.ts';

/** How many were started and have not ended. */
export function countRunning(attempts: Iterable<Attempt>): number {
  let count = 0;
  for (const { stage } of attempts) if (stage === 'started') count += 1;
  return count;
}

/** How many results the broker has not settled. */
export function countUndelivered(attempts: Iterable<Attempt>): number {
  let count = 0;
  for (const { ending } of attempts) if (ending?.message.t === 'result') count += 1;
  return count;
}

/** What the agent tells a broker that it has. */
export function listHave(attempts: Iterable<Attempt>): Have {
  const have: Have = [];
  for (const { task, attempt, stage, journaled, ending } of attempts) {
    // A lost attempt has no result to deliver: the broker may still think that it runs.
    const phase = stage === 'waiting' ? 'accepted' : ending?.message.t === 'lost' ? 'started' : stage;
    if (journaled) have.push([task, attempt, phase]);
  }
  return have;
}
