import { ts } from 'ts-morph';
import { commentsBefore, parseComment } from './comment.ts';
import { declaredFunction, nestedIn } from './declaration.ts';
import type { Span } from './source.ts';

/** A function that can be marked, or is. */
export interface Around {
  name: string;
  /** Where its declaration begins, behind its comment. */
  start: number;
  /** Its last JSDoc comment, and the mark in it. */
  comment: Span | undefined;
  tag: Span | undefined;
}

/** The innermost markable function around an offset, its comment included. */
export function functionAround(source: ts.SourceFile, offset: number): Around | undefined {
  let found: Around | undefined;
  const path: ts.Node[] = [source];
  const visit = (node: ts.Node): void => {
    if (offset < node.pos || offset > node.end) return;
    const begin = commentsBefore(node, source)[0]?.start ?? node.getStart(source);
    if (offset >= begin) {
      const declared = declaredFunction(node, path);
      if (!('message' in declared) && !nestedIn(path)) found = describe(source, node, declared.name);
    }
    path.push(node);
    ts.forEachChild(node, visit);
    path.pop();
  };
  ts.forEachChild(source, visit);
  return found;
}

function describe(source: ts.SourceFile, node: ts.Node, name: string): Around {
  const comments = commentsBefore(node, source).map(span => ({
    span,
    tag: parseComment(source.text, span).tags.find(tag => tag.name === 'remote')?.span,
  }));
  const comment = comments.find(({ tag }) => tag) ?? comments.at(-1);
  return { name, start: node.getStart(source), comment: comment?.span, tag: comment?.tag };
}
