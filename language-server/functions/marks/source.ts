import { extname } from 'node:path';
import { ts } from 'ts-morph';

/** A stretch of text, as offsets in UTF-16 units. */
export interface Span {
  start: number;
  end: number;
}

/** Files a mark may stand in. */
export const sourceExtensions = ['.ts', '.tsx', '.js', '.jsx', '.mts', '.cts', '.mjs', '.cjs'] as const;

const kinds: Record<string, ts.ScriptKind> = {
  '.ts': ts.ScriptKind.TS,
  '.mts': ts.ScriptKind.TS,
  '.cts': ts.ScriptKind.TS,
  '.tsx': ts.ScriptKind.TSX,
  '.jsx': ts.ScriptKind.JSX,
  // Editors and most build tools take JSX in .js files.
  '.js': ts.ScriptKind.JSX,
  '.mjs': ts.ScriptKind.JSX,
  '.cjs': ts.ScriptKind.JSX,
};

/** Syntax tree of a text. Faulty text gives a tree as well: the parser mends it. */
export function parseSource(text: string, fileName: string): ts.SourceFile {
  // JSDoc is read by our own code, from the few comments that hold a mark: the parser need not.
  const options = { languageVersion: ts.ScriptTarget.ESNext, jsDocParsingMode: ts.JSDocParsingMode.ParseNone };
  return ts.createSourceFile(fileName, text, options, true, kinds[extname(fileName).toLowerCase()] ?? ts.ScriptKind.TS);
}

/**
 * The tree after one change, made from the tree before it, which must not be used any more. It costs a fraction of a
 * parse: what did not change is taken over.
 * @param removed how many characters were taken out at `start`, and `inserted` how many came in
 */
export function reparseSource(
  source: ts.SourceFile,
  text: string,
  { start, removed, inserted }: { start: number; removed: number; inserted: number },
): ts.SourceFile {
  return ts.updateSourceFile(source, text, { span: { start, length: removed }, newLength: inserted });
}

/** The span of a node without the trivia before it. */
export function spanOf(node: ts.Node, source: ts.SourceFile): Span {
  return { start: node.getStart(source), end: node.end };
}
