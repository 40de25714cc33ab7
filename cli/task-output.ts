import type { BrokerClient } from '../client/client.ts';
import type { OutputChunk } from '../protocol/client-broker/tasks.ts';
import { preview } from '../protocol/values/preview.ts';
import { printJson, say } from './output.ts';

/** Prints each chunk once, in order, whether it came live or was fetched. */
export class OutputPrinter {
  readonly #client: BrokerClient;
  readonly #task: string;
  readonly #json: boolean;
  #attempt = 0;
  #next = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(client: BrokerClient, task: string, json: boolean) {
    this.#client = client;
    this.#task = task;
    this.#json = json;
  }

  live(chunks: OutputChunk[]): void {
    // A gap means that something was missed: the record has it.
    const first = chunks[0];
    if (first && first.attempt === this.#attempt && first.seq > this.#next) void this.catchUp();
    this.#queue(chunks);
  }

  catchUp(): Promise<void> {
    this.#work = this.#work.then(async () => {
      const { chunks } = await this.#client.taskOutput(this.#task);
      for (const chunk of chunks) await this.#print(chunk);
    });
    return this.#work;
  }

  #queue(chunks: OutputChunk[]): void {
    this.#work = this.#work.then(async () => {
      for (const chunk of chunks) await this.#print(chunk);
    });
  }

  async #print(chunk: OutputChunk): Promise<void> {
    if (chunk.attempt < this.#attempt || (chunk.attempt === this.#attempt && chunk.seq < this.#next)) return;
    this.#attempt = chunk.attempt;
    this.#next = chunk.seq + 1;
    if (this.#json) printJson({ t: 'output', ...chunk });
    else if (chunk.stream === 'item')
      say(`· ${preview(chunk.value ? await this.#client.decode(chunk.value) : undefined, 200)}`);
    else process[chunk.stream].write(chunk.text ?? '');
  }
}
