import type { CampaignLine } from './ledger.ts';
import type { Rig } from './rig.ts';

const EVERY_MS = 100;
const ANSWER_MS = 1_000;

/** Looks several times a second whether the broker answers, and which endpoints it calls online. */
export class Watch {
  #closed = false;

  constructor(rig: Rig, record: (line: CampaignLine) => void) {
    const look = async () => {
      let online: string[] = [];
      let broker = true;
      try {
        online = await rig.online(AbortSignal.timeout(ANSWER_MS));
      } catch {
        broker = false;
      }
      if (this.#closed) return;
      record({ what: 'health', broker, online, at: Date.now() });
      setTimeout(() => void look(), EVERY_MS);
    };
    void look();
  }

  close(): void {
    this.#closed = true;
  }
}
