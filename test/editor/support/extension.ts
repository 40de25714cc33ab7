/// <reference types="mocha" />
/** The extension under test, and what a test does with it again and again. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { commands, EXTENSION_ID } from '../../../extension/ids.ts';
import type { TestApi } from '../../../extension/testApi.ts';
import type { TaskRecord } from '../../../protocol/client-broker/tasks.ts';
import { isTerminal } from '../../../protocol/tasks/states.ts';
import { until } from '../../support/until.ts';

export const extension = () => vscode.extensions.getExtension<TestApi>(EXTENSION_ID)!;

/** The activated extension's view of itself, connected to the broker of this run. */
export async function connected(): Promise<TestApi> {
  const api = await extension().activate();
  await until('the extension is connected', () => api.session.state.state === 'connected');
  await until('the endpoint is online', () =>
    api.lists.endpoints.all().some(({ status }) => status.state === 'online'),
  );
  return api;
}

/** Opens a file of the workspace as it is on the disk. */
export async function open(path: string): Promise<vscode.TextEditor> {
  const folder = vscode.workspace.workspaceFolders![0]!.uri;
  const editor = await vscode.window.showTextDocument(vscode.Uri.joinPath(folder, path));
  if (editor.document.isDirty) await vscode.commands.executeCommand('workbench.action.files.revert');
  return editor;
}

/** Replaces some text of an editor, once. */
export async function replace(editor: vscode.TextEditor, from: string, to: string): Promise<void> {
  const at = editor.document.getText().indexOf(from);
  if (at < 0) throw new Error(`The document does not hold ${from}.`);
  const range = new vscode.Range(editor.document.positionAt(at), editor.document.positionAt(at + from.length));
  await editor.edit(edit => edit.replace(range, to));
}

/** The line (from 0) that holds some text. */
export function lineOf(document: vscode.TextDocument, text: string): number {
  return document.positionAt(document.getText().indexOf(text)).line;
}

/** Starts a function as its lens does, and returns the id of its task. */
export async function start(editor: vscode.TextEditor, name: string, args: unknown[] = []): Promise<string> {
  const uri = editor.document.uri.toString();
  const task = await vscode.commands.executeCommand<string | undefined>(commands.run, {
    uri,
    name,
    endpoint: 'laptop',
    args,
  });
  if (!task) throw new Error(`${name} was not started; the log says why.`);
  return task;
}

/** The record of a task once `accept` takes it (else: once it has ended), as events tell it. */
export function task(api: TestApi, id: string, accept = (record: TaskRecord) => isTerminal(record.state)) {
  return until(`task ${id} has come so far`, () => {
    const record = api.lists.tasks.get(id);
    return record && accept(record) ? record : undefined;
  });
}

/** Runs the `runabout` command on the same broker. */
export async function cli(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.env.RUNABOUT_TEST_NODE!, [
    process.env.RUNABOUT_TEST_CLI!,
    ...args,
  ]);
  return stdout;
}

export const lenses = async (editor: vscode.TextEditor): Promise<string[]> => {
  const found = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    editor.document.uri,
    100,
  );
  return found.map(({ command }) => command?.title ?? '');
};
