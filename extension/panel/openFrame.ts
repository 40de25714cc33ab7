import { Position, Range, window } from 'vscode';
import { t } from '../l10n.ts';
import { findInWorkspace } from '../workspaceFiles.ts';

/** Opens the place of a stack frame. Line and column count from 1. */
export async function openFrame({ file, line, column }: { file: string; line: number; column: number }): Promise<void> {
  const uri = await findInWorkspace(file);
  if (!uri) {
    void window.showInformationMessage(t('{0} is not in this workspace.', file));
    return;
  }
  const position = new Position(Math.max(0, line - 1), Math.max(0, column - 1));
  const { activeTextEditor, visibleTextEditors } = window;
  // Where the code is shown already, else where the person was typing: the panel itself is not covered.
  const editor = visibleTextEditors.find(item => item.document.uri.toString() === uri.toString()) ?? activeTextEditor;
  const viewColumn = editor?.viewColumn ?? visibleTextEditors[0]?.viewColumn ?? 1;
  await window.showTextDocument(uri, { selection: new Range(position, position), viewColumn });
}
