import type { Have } from '../../protocol/broker-agent/messages.ts';
import type { Clock } from '../clock.ts';
import {
  type AttemptRef,
  type BrokerStore,
  type Dispatch,
  dispatchBytes,
  type Reconciliation,
  type SessionRef,
  type Superseded,
} from '../store/contract.ts';

/** Attempts in one step: an agent with a hundred thousand of them must not hold up everybody's commits. */
export const STEP = 1000;
/** What is sent again at once, in bytes. An agent that had more, and lost it, is sent the rest as it gives credit. */
const MOST_RESENT = 16 * 1024 * 1024;

/**
 * Compares what a new session's agent has with what it should have, step by step. Others change tasks in between, but
 * none of this endpoint is claimed or ended but by this session: the lease is its own, and it claims nothing yet.
 * `resend`: leased attempts that the agent does not have.
 */
export async function reconcile(
  store: Pick<BrokerStore, 'reconcile' | 'held' | 'reclaim'>,
  ref: SessionRef,
  have: Have,
  clock: Clock,
): Promise<(Reconciliation & { resend: Dispatch[] }) | Superseded> {
  const all = { keep: [], drop: [], cancels: [], resend: [] } as Reconciliation & { resend: Dispatch[] };
  for (let at = 0; at < have.length; at += STEP) {
    const answer = await store.reconcile({ ...ref, now: clock.now(), have: have.slice(at, at + STEP) });
    if (answer === 'superseded') return answer;
    all.keep.push(...answer.keep);
    all.drop.push(...answer.drop);
    all.cancels.push(...answer.cancels);
  }
  const known = new Set(have.map(([task, attempt]) => `${task} ${attempt}`));
  const isMissing = ({ task, attempt }: AttemptRef) => !known.has(`${task} ${attempt}`);
  let room = MOST_RESENT;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const held: Awaited<ReturnType<typeof store.held>> = await store.held({ ...ref, after, limit: STEP });
    if (held === 'superseded') return held;
    const attempts = held.attempts.filter(isMissing);
    if (attempts.length > 0) {
      const resend = await store.reclaim({ ...ref, now: clock.now(), attempts, room: Math.max(0, room) });
      if (resend === 'superseded') return resend;
      all.resend.push(...resend);
      for (const dispatch of resend) room -= dispatchBytes(dispatch);
    }
    after = held.next;
  }
  return all;
}
