// How the campaign and the processes under test talk about failpoints: by files in a folder beside the bundles.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Content of the file `FAILPOINT_FOLDER/NAME`, while the failpoint is armed. */
export interface Armed {
  id: string;
  /** Passes to let go by first, in each process. */
  skip: number;
  action: 'kill' | 'stop';
  /** Only passes that concern this kind of work. */
  kind?: string;
}

/** A line of `FAILPOINT_FOLDER/hits.jsonl`: what a process writes right before it is killed, or waits to be stopped. */
export interface Hit {
  id: string;
  name: string;
  action: Armed['action'];
  pid: number;
  argv: string[];
}

/** The failpoints of one set of bundles. */
export class Failpoints {
  readonly #folder: string;
  readonly #armed = new Set<string>();
  #read = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Arms a failpoint; one that is armed already changes its meaning. */
  arm(name: string, armed: Armed): void {
    const file = join(this.#folder, name);
    writeFileSync(`${file}.new`, JSON.stringify(armed));
    renameSync(`${file}.new`, file);
    this.#armed.add(file);
  }

  disarmAll(): void {
    for (const file of this.#armed) rmSync(file, { force: true });
    this.#armed.clear();
  }

  /** The hits since the last call. */
  hits(): Hit[] {
    let text: string;
    try {
      text = readFileSync(join(this.#folder, 'hits.jsonl'), 'utf8');
    } catch {
      return [];
    }
    const lines = text.slice(this.#read).split('\n');
    this.#read = text.length - lines.pop()!.length;
    return lines.map(line => JSON.parse(line) as Hit);
  }
}
