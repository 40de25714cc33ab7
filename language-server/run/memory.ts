import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { runaboutHome } from '../../client/credentials.ts';
import { digestOf } from '../../protocol/ids.ts';

const Endpoint = z.object({ id: z.string(), name: z.string() });
const TaskIds = z.array(z.string());
const Choice = z.object({ endpoint: Endpoint.nullable(), recent: z.array(Endpoint) });

/** Arguments above this are not remembered. */
const MAX_ARGUMENTS = 1024 * 1024;

/** How many tasks are remembered as put away: only the newest run of a function is shown. */
const MAX_CLEARED = 1000;

/**
 * What a person chose and wrote in this workspace: the endpoint, the tasks whose results were put away, and the arguments of each function as JSON text, one
 * file each, which an editor without a form for them can open. Files are readable by this user only. No secrets: tokens
 * never come here.
 */
export class Memory {
  readonly #folder: string;
  #choice: z.infer<typeof Choice>;

  /** @param workspace tells workspaces apart when the client gave no folder of its own */
  constructor(storagePath: string | undefined, workspace: string) {
    this.#folder = storagePath ?? join(runaboutHome(), 'editor', digestOf(workspace).slice(0, 16));
    this.#choice = this.#readChoice();
  }

  get endpoint(): z.infer<typeof Endpoint> | null {
    return this.#choice.endpoint;
  }

  /** The endpoints that were used last, newest first. */
  get recent(): readonly z.infer<typeof Endpoint>[] {
    return this.#choice.recent;
  }

  choose(endpoint: z.infer<typeof Endpoint> | null): void {
    this.#choice = { endpoint, recent: endpoint ? this.#withFirst(endpoint) : this.#choice.recent };
    this.#write('endpoint.json', JSON.stringify(this.#choice));
  }

  used({ id, name }: z.infer<typeof Endpoint>): void {
    if (this.#choice.recent[0]?.id === id) return;
    this.#choice = { ...this.#choice, recent: this.#withFirst({ id, name }) };
    this.#write('endpoint.json', JSON.stringify(this.#choice));
  }

  /** Tasks whose results a person has put away. */
  get cleared(): string[] {
    try {
      return TaskIds.parse(JSON.parse(this.#read('cleared.json') ?? ''));
    } catch {
      return [];
    }
  }

  rememberCleared(tasks: Iterable<string>): void {
    // Ids are ordered by time: the last are the newest.
    this.#write('cleared.json', JSON.stringify([...tasks].sort().slice(-MAX_CLEARED)));
  }

  /** The JSON text of the arguments a function was last given. */
  argumentsOf(registryName: string): string | undefined {
    return this.#read(argumentsName(registryName));
  }

  rememberArguments(registryName: string, json: string): void {
    if (json.length <= MAX_ARGUMENTS && json !== this.argumentsOf(registryName))
      this.#write(argumentsName(registryName), json);
  }

  /** The file of a function's arguments, for a person to edit. */
  argumentsFile(registryName: string): string {
    return join(this.#folder, argumentsName(registryName));
  }

  #withFirst(endpoint: z.infer<typeof Endpoint>) {
    return [endpoint, ...this.#choice.recent.filter(({ id }) => id !== endpoint.id)].slice(0, 8);
  }

  #readChoice(): z.infer<typeof Choice> {
    try {
      return Choice.parse(JSON.parse(this.#read('endpoint.json') ?? ''));
    } catch {
      return { endpoint: null, recent: [] };
    }
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(join(this.#folder, name), 'utf8');
    } catch {
      return undefined;
    }
  }

  #write(name: string, text: string): void {
    const file = join(this.#folder, name);
    mkdirSync(join(this.#folder, 'arguments'), { recursive: true, mode: 0o700 });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, file);
  }
}

/** A readable name that no two functions share. */
function argumentsName(registryName: string): string {
  const readable = registryName.replace(/[^A-Za-z0-9_.-]+/g, '-').slice(-60);
  return join('arguments', `${readable}-${digestOf(registryName).slice(0, 8)}.json`);
}
