import { ts } from 'ts-morph';
import type { Span } from './source.ts';

/** One `@tag` of a JSDoc comment; `text` is what follows its name up to the next tag, without the stars. */
export interface Tag {
  name: string;
  /** `@` and name. */
  span: Span;
  /** From after the name to the next tag, or to the end of the comment. */
  textSpan: Span;
}

/** A JSDoc comment cut into its tags, by spans of the document. */
export interface DocComment {
  span: Span;
  tags: Tag[];
}

const TAG = /(^\s*\/\*\*|^)[\t ]*(?:\*(?!\/))?[\t ]*@([A-Za-z][\w-]*)/gm;

/** @param span from its slash-star-star to its star-slash */
export function parseComment(text: string, span: Span): DocComment {
  const body = text.slice(span.start, span.end);
  const end = body.endsWith('*/') ? span.end - 2 : span.end;
  const tags: Tag[] = [];
  for (const match of body.matchAll(TAG)) {
    const nameEnd = span.start + match.index + match[0].length;
    const start = nameEnd - match[2]!.length - 1;
    const last = tags.at(-1);
    if (last) last.textSpan.end = start;
    tags.push({ name: match[2]!, span: { start, end: nameEnd }, textSpan: { start: nameEnd, end } });
  }
  return { span, tags };
}

/** The JSDoc comments right before `node`, in order; also on the line of what comes before it, as in `{ /** … *\/ static f`. */
export function commentsBefore(node: ts.Node, source: ts.SourceFile): Span[] {
  const ranges = [
    ...(ts.getTrailingCommentRanges(source.text, node.pos) ?? []),
    ...(ts.getLeadingCommentRanges(source.text, node.pos) ?? []),
  ];
  return ranges
    .filter(range => range.kind === ts.SyntaxKind.MultiLineCommentTrivia && source.text.startsWith('/**', range.pos))
    .map(range => ({ start: range.pos, end: range.end }));
}

/** The text of a span of a comment with every star at a line's start made a blank: offsets stay what they were. */
export function withoutStars(text: string, { start, end }: Span): string {
  return text.slice(start, end).replace(/(^[\t ]*)\*(?!\/)/gm, '$1 ');
}

/** The prose before the first tag, in one paragraph; `undefined` when there is none. */
export function description(text: string, comment: DocComment): string | undefined {
  const end = comment.tags[0]?.span.start ?? comment.span.end - 2;
  const prose = withoutStars(text, { start: comment.span.start + 3, end })
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\s*\*$/, '');
  return prose === '' ? undefined : prose.slice(0, 4096);
}
