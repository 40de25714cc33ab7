import { type CodeAction, CodeActionKind, type Diagnostic, type TextEdit } from 'vscode-languageserver/node';
import type { OpenDocument } from '../documents/open-document.ts';
import { functionAround } from '../functions/index.ts';
import { problemsOf, SOURCE } from './diagnostics.ts';

/** Quick fixes for problems of marks in a range, and marking or unmarking the function there. */
export function codeActions(
  document: OpenDocument,
  span: { start: number; end: number },
  diagnostics: Diagnostic[],
): CodeAction[] {
  return [...fixes(document, span, diagnostics), ...toggle(document, span.start)];
}

function fixes(document: OpenDocument, span: { start: number; end: number }, diagnostics: Diagnostic[]): CodeAction[] {
  return problemsOf(document.marks)
    .filter(problem => problem.span.start <= span.end && span.start <= problem.span.end)
    .flatMap(problem =>
      problem.fixes.map((fix, index) => ({
        title: fix.title,
        kind: CodeActionKind.QuickFix,
        isPreferred: index === 0,
        diagnostics: diagnostics.filter(({ source, code }) => source === SOURCE && code === problem.code),
        edit: edit(
          document,
          fix.edits.map(({ span: at, newText }) => ({ range: document.rangeOf(at), newText })),
        ),
      })),
    );
}

function toggle(document: OpenDocument, offset: number): CodeAction[] {
  const found = functionAround(document.source, offset);
  if (!found) return [];
  const { text } = document;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const title = found.tag ? `Unmark "${found.name}" as remote` : `Mark "${found.name}" as remote (@remote)`;
  const change = found.tag ? unmark(text, found.comment!, found.tag) : mark(text, found.start, found.comment, eol);
  const edits = [{ range: document.rangeOf(change.span), newText: change.newText }];
  return [{ title, kind: CodeActionKind.Refactor, edit: edit(document, edits) }];
}

interface Change {
  span: { start: number; end: number };
  newText: string;
}

/** A new comment above the function, or a line in the one it has. */
function mark(text: string, start: number, comment: { start: number; end: number } | undefined, eol: string): Change {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const indent = /^[\t ]*/.exec(text.slice(lineStart, start))![0];
  if (!comment) return { span: { start, end: start }, newText: `/** @remote */${eol}${indent}` };
  const body = text.slice(comment.start + 3, comment.end - 2);
  if (!body.includes('\n')) {
    const prose = body.trim();
    const newText = [`/**`, ...(prose ? [` * ${prose}`] : []), ` * @remote`, ` */`].join(`${eol}${indent}`);
    return { span: comment, newText };
  }
  // Before the comment's last line, which holds only its end.
  const end = comment.end - 2;
  const lastLine = text.lastIndexOf('\n', end) + 1;
  if (text.slice(lastLine, end).trim() === '') {
    const margin = text.slice(lastLine, end) || `${indent} `;
    return { span: { start: lastLine, end: lastLine }, newText: `${margin}* @remote${eol}` };
  }
  return { span: { start: end, end }, newText: `${eol}${indent} * @remote${eol}${indent} ` };
}

/** Takes the tag's line out; and the comment, when nothing else is in it. */
function unmark(text: string, comment: { start: number; end: number }, tag: { start: number; end: number }): Change {
  const rest = text.slice(tag.start, comment.end - 2);
  const tagLineEnd = tag.start + (rest.search(/\r?\n/) < 0 ? rest.length : rest.search(/\r?\n/));
  const others = text.slice(comment.start + 3, tag.start) + text.slice(tagLineEnd, comment.end - 2);
  if (/^[\s*]*$/.test(others)) {
    const after = /^[\t ]*(?:\r?\n[\t ]*)?/.exec(text.slice(comment.end))![0];
    return { span: { start: comment.start, end: comment.end + after.length }, newText: '' };
  }
  const lineStart = text.lastIndexOf('\n', tag.start - 1) + 1;
  if (
    lineStart > comment.start &&
    /^[\t ]*\*?[\t ]*$/.test(text.slice(lineStart, tag.start)) &&
    tagLineEnd < comment.end - 2
  ) {
    return { span: { start: lineStart, end: text.indexOf('\n', tagLineEnd) + 1 }, newText: '' };
  }
  return { span: { start: tag.start, end: tagLineEnd }, newText: '' };
}

const edit = (document: OpenDocument, edits: TextEdit[]) => ({ changes: { [document.uri]: edits } });
