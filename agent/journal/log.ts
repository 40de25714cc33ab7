/** What the rows of the journal hold, and what becomes of them when they are read again. */
import type { Lost, Phase, Result } from '../../protocol/broker-agent/messages.ts';
import { encodeMessage, MessageReader } from '../../protocol/frames.ts';
import type { Digest, Id } from '../../protocol/ids.ts';

/** How an attempt ended, as it is told to the broker; and the value, if it goes inside the message. */
export interface Ending {
  message: Result | Lost;
  payload: Uint8Array;
}

/** The digest of an ending's value, when that is too large for a message. */
export function blobOf({ message }: Ending): Digest | undefined {
  return message.t === 'result' ? message.value?.blob : undefined;
}

export interface JournalRow {
  task: Id;
  attempt: number;
  phase: Phase;
  digest: Digest;
  ending: Ending | undefined;
}

/** Attempts of one bundle that came to the same phase. */
interface Put {
  t: 'put';
  phase: 'accepted' | 'started';
  digest: Digest;
  attempts: [Id, number][];
}

interface End {
  t: 'end';
  task: Id;
  attempt: number;
  digest: Digest;
  message: Result | Lost;
}

interface Forget {
  t: 'forget';
  tasks: Id[];
}

/** Attempts in one `put`: it stays far below the cap of a header. */
const PUT_MOST = 512;

/** One change: a row as it is from now on, or a task to forget. */
export type Change = JournalRow | { task: Id; phase: 'forgotten' };

/** Changes as bytes, in the framing of every hop. */
export function encodeChanges(changes: readonly Change[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let open: Put | Forget | undefined;
  const close = () => {
    if (open) parts.push(encodeMessage(open));
    open = undefined;
  };
  for (const change of changes) {
    if (change.phase === 'forgotten') {
      if (open?.t !== 'forget' || open.tasks.length === PUT_MOST) {
        close();
        open = { t: 'forget', tasks: [] };
      }
      open.tasks.push(change.task);
      continue;
    }
    const { task, attempt, phase, digest, ending } = change;
    if (phase === 'ended') {
      close();
      const { message, payload } = ending!;
      const end: End = { t: 'end', task, attempt, digest, message };
      parts.push(encodeMessage(end, payload));
      continue;
    }
    if (open?.t !== 'put' || open.phase !== phase || open.digest !== digest || open.attempts.length === PUT_MOST) {
      close();
      open = { t: 'put', phase, digest, attempts: [] };
    }
    open.attempts.push([task, attempt]);
  }
  close();
  return Buffer.concat(parts);
}

/** Tells `take` each change that these bytes hold, in order. */
export function readChanges(bytes: Uint8Array, take: (change: Change) => void): void {
  for (const { header, payload } of new MessageReader().push(bytes)) {
    const entry = header as unknown as Put | End | Forget;
    if (entry.t === 'put') {
      const { phase, digest } = entry;
      for (const [task, attempt] of entry.attempts) take({ task, attempt, phase, digest, ending: undefined });
    } else if (entry.t === 'end') {
      const { task, attempt, digest, message } = entry;
      take({ task, attempt, phase: 'ended', digest, ending: { message, payload } });
    } else {
      for (const task of entry.tasks) take({ task, phase: 'forgotten' });
    }
  }
}
