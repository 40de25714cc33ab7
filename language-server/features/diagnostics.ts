import { pathToFileURL } from 'node:url';
import { type Diagnostic, DiagnosticSeverity, type Range } from 'vscode-languageserver/node';
import type { Documents } from '../documents/documents.ts';
import type { OpenDocument } from '../documents/open-document.ts';
import type { States } from '../documents/state.ts';
import { BundleError, type MarkProblem, type Marks, type Place } from '../functions/index.ts';

export const SOURCE = 'runabout';

const severities = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  hint: DiagnosticSeverity.Information,
} as const;

/** Everything there is to say about one document and, for errors of runs, about others: by the document's address. */
export function diagnostics(document: OpenDocument, states: States, documents: Documents): Map<string, Diagnostic[]> {
  const found = new Map<string, Diagnostic[]>([[document.uri, ofMarks(document)]]);
  const add = (uri: string, diagnostic: Diagnostic) => {
    const list = found.get(uri) ?? [];
    found.set(uri, list);
    const same = list.some(
      ({ message, range }) => message === diagnostic.message && range.start.line === diagnostic.range.start.line,
    );
    if (!same) list.push(diagnostic);
  };
  for (const marked of document.marks.functions) {
    const state = states.of(document, marked);
    for (const diagnostic of ofBundle(document, state.bundled?.failure, document.rangeOf(marked.nameSpan))) {
      add(document.uri, diagnostic);
    }
    for (const { message, place } of state.bundled?.bundle?.warnings ?? []) {
      const range = place ? placeRange(place) : document.rangeOf(marked.nameSpan);
      add(document.uri, { source: SOURCE, code: 'native', severity: DiagnosticSeverity.Warning, message, range });
    }
    const [first, ...causes] = states.errorPlaces(state);
    const task = state.remote?.run?.task;
    if (!first || !task) continue;
    add(first.uri, {
      source: SOURCE,
      code: first.error.code,
      severity: DiagnosticSeverity.Error,
      range: lineRange(documents.open(first.uri), first.line),
      message: `${named(first.error)} (running ${marked.name} on ${task.endpoint.name})`,
      relatedInformation: causes.map(({ uri, line, error }) => ({
        location: { uri, range: lineRange(documents.open(uri), line) },
        message: `Caused by ${named(error)}`,
      })),
    });
  }
  return found;
}

const named = ({ name, message }: { name?: string | undefined; message: string }) =>
  [name, message.slice(0, 2000)].filter(Boolean).join(': ');

export function problemsOf({ functions, stray }: Marks): MarkProblem[] {
  return [...functions.flatMap(({ problems }) => problems), ...stray];
}

function ofMarks(document: OpenDocument): Diagnostic[] {
  return problemsOf(document.marks).map(({ severity, code, message, span }) => ({
    source: SOURCE,
    code,
    severity: severities[severity],
    message,
    range: document.rangeOf(span),
  }));
}

/** Imports that cannot be followed, at the import. Errors of syntax are the editor's own to show. */
function ofBundle(document: OpenDocument, failure: Error | undefined, nameRange: Range): Diagnostic[] {
  if (!failure) return [];
  const at = (message: string, range: Range, code: string): Diagnostic => ({
    source: SOURCE,
    code,
    severity: DiagnosticSeverity.Error,
    message,
    range,
  });
  if (!(failure instanceof BundleError))
    return [at(failure.message, nameRange, (failure as { code?: string }).code ?? 'bundle-failed')];
  return failure.problems
    .filter(({ kind }) => kind !== 'syntax')
    .map(({ message, place, via }) => {
      const here = [via, place].find(candidate => candidate?.file === document.file);
      const diagnostic = at(message, here ? placeRange(here) : nameRange, 'bundle-failed');
      if (!place || place === here) return diagnostic;
      const location = { uri: pathToFileURL(place.file).href, range: placeRange(place) };
      return { ...diagnostic, relatedInformation: [{ location, message: 'It is here.' }] };
    });
}

function placeRange({ line, column, length }: Place): Range {
  return { start: { line: line - 1, character: column }, end: { line: line - 1, character: column + length } };
}

/** The text of a line without the blanks around it; the editor clips what is too long. */
function lineRange(document: OpenDocument | undefined, line: number): Range {
  const text = document?.text.split(/\r?\n/)[line] ?? '';
  const start = text.length - text.trimStart().length;
  return { start: { line, character: start }, end: { line, character: text ? text.trimEnd().length : 1000 } };
}
