import { EventEmitter, type TreeDataProvider, type TreeView, window } from 'vscode';
import { coalesce } from '../coalesce.ts';
import type { Session } from '../connection/session.ts';
import type { Disposable, Event } from '../emitter.ts';
import { t } from '../l10n.ts';
import type { LiveList } from '../lists/liveList.ts';
import { clock } from '../words.ts';
import { ErrorRow, LoadingRow, MoreRow, type Row } from './row.ts';

/** Rows are drawn at most this often, in milliseconds, however fast events come. */
const DRAW_EVERY = 100;

export interface ListViewOptions<T extends { id: string }> {
  id: string;
  list: LiveList<T>;
  session: Session;
  /** What the list is called in "Loading …" and "… could not be loaded". */
  loading: string;
  failed: string;
  row: (item: T, stale: boolean) => Row;
  /** The view on top says what is wrong with the connection. */
  first?: boolean;
  /** Other things the rows show. */
  redrawOn?: Event<unknown>[];
}

/**
 * A view of one list: its rows, or one row that says why there are none. An empty list shows the view's welcome text.
 * While the broker cannot be reached, the last rows stay and the view says since when.
 */
export class ListView<T extends { id: string }> implements TreeDataProvider<Row> {
  readonly #options: ListViewOptions<T>;
  readonly #changed = new EventEmitter<undefined>();
  readonly #disposables: Disposable[];
  readonly view: TreeView<Row>;

  readonly onDidChangeTreeData = this.#changed.event;

  constructor(options: ListViewOptions<T>) {
    this.#options = options;
    this.view = window.createTreeView(options.id, { treeDataProvider: this, showCollapseAll: true });
    const { list, session, redrawOn = [] } = options;
    const redraw = coalesce(() => this.#draw(), DRAW_EVERY);
    this.#disposables = [
      list.onDidChange(redraw),
      session.onDidChangeState(redraw),
      ...redrawOn.map(event => event(redraw)),
      redraw,
      this.#changed,
      this.view,
    ];
  }

  getTreeItem(row: Row): Row {
    return row;
  }

  getChildren(row?: Row): Row[] | Promise<Row[]> {
    return row ? row.children() : this.rows();
  }

  /** The rows at the top level. */
  rows(): Row[] {
    const { list, row, loading, failed } = this.#options;
    const stale = this.#options.session.state.state !== 'connected';
    const rows = list.all().map(item => row(item, stale));
    if (list.status === 'failed') return [new ErrorRow(failed, list.problem), ...rows];
    if (list.status === 'loading' && rows.length === 0) return [new LoadingRow(loading)];
    if (list.hasMore) rows.push(new MoreRow(list.status === 'loading'));
    return rows;
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #draw(): void {
    this.view.message = this.#message();
    this.#changed.fire(undefined);
  }

  #message(): string | undefined {
    const { session, list, first } = this.#options;
    if (list.size === 0) return undefined;
    const { state } = session;
    if (state.state === 'disconnected') {
      // Said in full once; the views stand below each other.
      const since = clock(state.since);
      return first ? t('Disconnected since {0}; trying again.', since) : t('Last known state, of {0}.', since);
    }
    if (state.state !== 'refused') return undefined;
    return first ? t('The broker no longer takes the token. Connect again.') : t('Last known state.');
  }
}
