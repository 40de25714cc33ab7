import {
  type DecorationOptions,
  debug,
  Range,
  type TextEditor,
  type TextEditorDecorationType,
  ThemeColor,
  Uri,
  window,
  workspace,
} from 'vscode';
import type { RunSummary } from '../../protocol/editor-server/messages.ts';
import { isTerminal } from '../../protocol/tasks/states.ts';
import type { Disposable } from '../emitter.ts';
import { colors, settings } from '../ids.ts';
import type { DocumentStates } from './documentStates.ts';
import { errorText, inlineText, type Tone } from './inlineText.ts';

const toneColors: Record<Tone, string> = {
  result: colors.result,
  running: colors.running,
  stale: colors.stale,
  error: colors.error,
};

export interface ShownText {
  /** From 0. */
  line: number;
  text: string;
  tone: Tone;
}

/**
 * Results at the end of lines: each marked function's newest run on the line of its name, and the error of a failed one
 * on the line that threw. Hidden while debugging, where the debugger writes its own values there.
 */
export class InlineResults {
  readonly #documents: DocumentStates;
  readonly #disposables: Disposable[];
  readonly #text: TextEditorDecorationType = window.createTextEditorDecorationType({});
  readonly #errorLine: TextEditorDecorationType = window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new ThemeColor(colors.errorLine),
    overviewRulerColor: new ThemeColor(colors.error),
  });
  /** Tasks whose result a person cleared, and tasks whose erring line was edited since. */
  readonly #cleared = new Set<string>();
  readonly #mended = new Set<string>();
  /** Editors with lines that erred: in the others nothing has to be taken away. */
  readonly #erring = new WeakSet<TextEditor>();

  constructor(documents: DocumentStates) {
    this.#documents = documents;
    const all = () => this.#drawAll();
    this.#disposables = [
      // An error may lie in any document, so all editors are drawn, not only those of the document that changed.
      documents.onDidChange(all),
      window.onDidChangeVisibleTextEditors(all),
      debug.onDidStartDebugSession(all),
      debug.onDidTerminateDebugSession(all),
      workspace.onDidChangeConfiguration(event => {
        if (event.affectsConfiguration(settings.inlineResults)) all();
      }),
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) this.#edited(document.uri.toString());
      }),
      this.#text,
      this.#errorLine,
    ];
  }

  /** Takes away what stands on the lines now; new runs show again. */
  clear(): void {
    for (const { functions } of this.#documents.all())
      for (const { run } of functions) if (run && isTerminal(run.state)) this.#cleared.add(run.task);
    this.#drawAll();
  }

  /** What stands at the ends of a document's lines now. */
  shown(uri: string): ShownText[] {
    if (!isOn()) return [];
    return [...this.#results(uri), ...this.#errors(uri)];
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #results(uri: string): ShownText[] {
    const functions = this.#documents.get(uri)?.functions ?? [];
    return functions.flatMap(({ nameRange, run }) =>
      run && !this.#cleared.has(run.task) ? [{ line: nameRange.start.line, ...inlineText(run) }] : [],
    );
  }

  #errors(uri: string): ShownText[] {
    const named = new Set(this.#results(uri).map(({ line }) => line));
    const errors: ShownText[] = [];
    for (const run of this.#failed(uri)) {
      const text = errorText(run);
      // On the line of the function's name the result says the same.
      if (text && !named.has(run.errorAt.line)) errors.push({ line: run.errorAt.line, text, tone: 'error' });
    }
    return errors;
  }

  #failed(uri: string): (RunSummary & { errorAt: NonNullable<RunSummary['errorAt']> })[] {
    const runs = this.#documents.all().flatMap(({ functions }) => functions.map(({ run }) => run));
    return runs.filter(
      run =>
        isAt(run?.errorAt?.uri, uri) && !run?.stale && !this.#cleared.has(run!.task) && !this.#mended.has(run!.task),
    ) as (RunSummary & { errorAt: NonNullable<RunSummary['errorAt']> })[];
  }

  #edited(uri: string): void {
    const failed = this.#failed(uri);
    if (failed.length === 0) return;
    for (const { task } of failed) this.#mended.add(task);
    this.#drawAll();
  }

  #drawAll(): void {
    for (const editor of window.visibleTextEditors) this.#draw(editor);
  }

  #draw(editor: TextEditor): void {
    const uri = editor.document.uri.toString();
    const lines = this.shown(uri).filter(({ line }) => line < editor.document.lineCount);
    editor.setDecorations(
      this.#text,
      lines.map(item => decoration(editor, item)),
    );
    const erring = isOn() ? this.#errors(uri).filter(({ line }) => line < editor.document.lineCount) : [];
    if (erring.length === 0 && !this.#erring.has(editor)) return;
    if (erring.length > 0) this.#erring.add(editor);
    else this.#erring.delete(editor);
    editor.setDecorations(
      this.#errorLine,
      erring.map(({ line }) => editor.document.lineAt(line).range),
    );
  }
}

/** The server encodes the address of a file that is not open in a way of its own. */
const isAt = (errorAt: string | undefined, uri: string) =>
  errorAt !== undefined && (errorAt === uri || Uri.parse(errorAt).toString() === uri);

function isOn(): boolean {
  return debug.activeDebugSession === undefined && workspace.getConfiguration().get(settings.inlineResults, true);
}

function decoration(editor: TextEditor, { line, text, tone }: ShownText): DecorationOptions {
  const end = editor.document.lineAt(line).range.end;
  return {
    range: new Range(end, end),
    renderOptions: {
      after: { contentText: text, color: new ThemeColor(toneColors[tone]), margin: '0 0 0 3ch', fontStyle: 'normal' },
    },
  };
}
