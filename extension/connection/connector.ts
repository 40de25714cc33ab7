import { unwatchFile, watchFile } from 'node:fs';
import { join } from 'node:path';
import { type LogOutputChannel, type SecretStorage, window } from 'vscode';
import * as z from 'zod';
import { runaboutHome } from '../../client/credentials.ts';
import type { Connection } from '../../client/http.ts';
import { findLocalBroker, localConnection } from '../../client/local.ts';
import { type Disposable, Emitter } from '../emitter.ts';
import { t } from '../l10n.ts';
import type { Session } from './session.ts';

const KEY = 'runabout.connection';

/** What a person chose. Nothing chosen is like `local`: a broker that runs on this machine is used. */
const Choice = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('remote'), url: z.string(), token: z.string() }),
  z.object({ kind: z.literal('local') }),
  z.object({ kind: z.literal('off') }),
]);
type Choice = z.infer<typeof Choice>;

/**
 * Decides which broker the session uses, in every window alike: the choice is one secret, and its changes come from
 * other windows too. Where the secret storage fails (a Linux without a keyring), the choice lasts for this session.
 */
export class Connector {
  readonly #secrets: SecretStorage;
  readonly #session: Session;
  readonly #log: LogOutputChannel;
  readonly #localFile = join(runaboutHome(), 'local.json');
  readonly #disposables: Disposable[] = [];
  readonly #localChanged = new Emitter<boolean>();
  #memory: Choice | undefined;
  /** Counts decisions: what was read before the newest of them no longer decides. */
  #decisions = 0;
  #localRuns = false;

  /** Whether a local broker runs. */
  readonly onDidChangeLocal = this.#localChanged.event;

  constructor(secrets: SecretStorage, session: Session, log: LogOutputChannel) {
    this.#secrets = secrets;
    this.#session = session;
    this.#log = log;
    this.#disposables.push(
      secrets.onDidChange(({ key }) => {
        if (key === KEY) void this.resolve();
      }),
      // A local broker that was started again may have another port, and has said so in its file.
      session.onDidChangeState(({ state }) => {
        if (state === 'disconnected' || state === 'refused') void this.#followLocal();
      }),
    );
    // Polled, because the folder may not be there yet; a terminal's `runabout up` is seen this way.
    watchFile(this.#localFile, { interval: 1500, persistent: false }, () => void this.resolve());
  }

  get localRuns(): boolean {
    return this.#localRuns;
  }

  /** Connects as the stored choice says. */
  async resolve(): Promise<void> {
    this.#noteLocal();
    const decision = ++this.#decisions;
    const choice = await this.#read();
    if (decision !== this.#decisions) return;
    if (choice?.kind === 'off') this.#session.use(undefined);
    else if (choice?.kind === 'remote') this.#session.use({ url: choice.url, token: choice.token });
    else this.#connectLocal();
  }

  async chooseRemote(connection: Connection): Promise<void> {
    await this.#write({ kind: 'remote', ...connection });
    this.#session.use(connection);
  }

  async chooseLocal(): Promise<void> {
    await this.#write({ kind: 'local' });
    this.#noteLocal();
    this.#connectLocal();
  }

  async disconnect(): Promise<void> {
    await this.#write({ kind: 'off' });
    this.#session.use(undefined);
  }

  dispose(): void {
    unwatchFile(this.#localFile);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #connectLocal(): void {
    // A broker that has stopped stays the session's: it goes on trying, and the last lists stay.
    const connection = localConnection();
    if (connection) this.#session.use(connection);
  }

  async #followLocal(): Promise<void> {
    this.#noteLocal();
    const kind = (await this.#read())?.kind ?? 'local';
    const connection = localConnection();
    const current = this.#session.connection;
    // The same address and token again would fail in the same way.
    const changed = connection && (connection.url !== current?.url || connection.token !== current.token);
    if (kind === 'local' && changed) this.#session.use(connection);
  }

  #noteLocal(): void {
    const runs = findLocalBroker() !== undefined;
    if (runs === this.#localRuns) return;
    this.#localRuns = runs;
    this.#localChanged.fire(runs);
  }

  async #read(): Promise<Choice | undefined> {
    if (this.#memory) return this.#memory;
    try {
      const text = await this.#secrets.get(KEY);
      return text === undefined ? undefined : Choice.parse(JSON.parse(text));
    } catch (error) {
      this.#log.warn(`The secret storage cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  async #write(choice: Choice): Promise<void> {
    try {
      await this.#secrets.store(KEY, JSON.stringify(choice));
      this.#memory = undefined;
    } catch (error) {
      this.#memory = choice;
      this.#log.warn(`The secret storage cannot be written: ${(error as Error).message}`);
      void window.showWarningMessage(
        t('The token could not be stored: VS Code found no keyring. You stay connected until this window closes.'),
      );
    }
    this.#decisions += 1;
  }
}
