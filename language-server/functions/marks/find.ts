import { ts } from 'ts-morph';
import { commentsBefore, type DocComment, description, parseComment, type Tag } from './comment.ts';
import { type Declared, declaredFunction, kindOf, nestedIn, signatureOf, thisIn } from './declaration.ts';
import { parseExamples } from './examples.ts';
import type { Marked, MarkProblem } from './marked.ts';
import { commonJsExports } from './module-exports.ts';
import { parseSettings } from './settings.ts';
import { type Span, spanOf } from './source.ts';

/** A place for a mark: the node a comment stands before, and the nodes around it, outermost first. */
export interface Place {
  node: ts.Node;
  path: ts.Node[];
}

/** The marks of a document. A mark that stands on nothing that can run is a problem without a function. */
export interface Marks {
  functions: Marked[];
  /** Problems of marks that name no function. */
  stray: MarkProblem[];
}

const MARK = /@remote(?![\w-])/g;

/**
 * The marked functions of a document, in order. Purely syntactic, and only where the text says `@remote`: it costs
 * little enough for every keystroke.
 */
export function findMarks(source: ts.SourceFile): Marks {
  const functions: Marked[] = [];
  const stray: MarkProblem[] = [];
  const seen = new Map<ts.Node, Marked | undefined>();
  let exports: { of: ReturnType<typeof commonJsExports> } | undefined;
  for (const { index } of source.text.matchAll(MARK)) {
    const found = markAt(source, index);
    if (!found) continue;
    const { place, comment, tag } = found;
    if (!place) {
      stray.push(problem('mark-misplaced', 'Nothing follows this mark: put it right before a function.', tag.span));
    } else if (seen.has(place.node)) {
      const twice = problem('mark-twice', 'This function is marked twice: one mark is enough.', tag.span);
      (seen.get(place.node)?.problems ?? stray).push(twice);
    } else {
      exports ??= { of: commonJsExports(source) };
      const result = describe(source, place, comment, tag, exports.of);
      if ('severity' in result) stray.push(result);
      else functions.push(result);
      seen.set(place.node, 'severity' in result ? undefined : result);
    }
  }
  return { functions, stray };
}

const problem = (code: MarkProblem['code'], message: string, span: Span): MarkProblem => ({
  severity: 'error',
  code,
  message,
  span,
  fixes: [],
});

function markAt(
  source: ts.SourceFile,
  at: number,
): { place: Place | undefined; comment: DocComment; tag: Tag } | undefined {
  const place = placeAt(source, at);
  const span = place && commentsBefore(place.node, source).find(comment => comment.start <= at && at < comment.end);
  if (!span) return undefined;
  const comment = parseComment(source.text, span);
  const tag = comment.tags.find(candidate => candidate.span.start === at);
  if (!tag) return undefined;
  const atEnd = place.node.kind === ts.SyntaxKind.EndOfFileToken || ts.isToken(place.node);
  return { place: atEnd ? undefined : place, comment, tag };
}

/** The outermost node that the offset stands before, in its leading comments. */
export function placeAt(source: ts.SourceFile, at: number): Place | undefined {
  const path: ts.Node[] = [source];
  let node: ts.Node = statementAt(source, at);
  for (;;) {
    if (at < node.getStart(source)) return { node, path };
    const child = ts.forEachChild(node, candidate =>
      candidate.pos <= at && at < candidate.end ? candidate : undefined,
    );
    if (!child) return undefined;
    path.push(node);
    node = child;
  }
}

/** The statement whose text or leading comments hold an offset, by halves: a module may have thousands. */
function statementAt({ statements, endOfFileToken }: ts.SourceFile, at: number): ts.Node {
  let low = 0;
  let high = statements.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (statements[middle]!.end <= at) low = middle + 1;
    else high = middle;
  }
  return statements[low] ?? endOfFileToken;
}

function describe(
  source: ts.SourceFile,
  { node, path }: Place,
  comment: DocComment,
  tag: Tag,
  exports: ReturnType<typeof commonJsExports>,
): Marked | MarkProblem {
  const declared = declaredFunction(node, path);
  if ('message' in declared) return problem(declared.code, declared.message, tag.span);
  const { settings, problems } = parseSettings(source.text, tag);
  const anonymous = declared.access === 'anonymous-default';
  const examples = parseExamples(source.text, comment, anonymous ? 'fn' : declared.name, anonymous);
  return {
    name: declared.name,
    kind: kindOf(declared.node),
    access: declared.access,
    ...(typeof exports === 'object' && !anonymous ? { exportsOn: exports.on } : {}),
    span: spanOf(node, source),
    nameSpan: nameSpan(declared, node, source),
    tagSpan: tag.span,
    bodySpan: declared.node.body ? spanOf(declared.node.body, source) : { start: node.end, end: node.end },
    signature: signatureOf(declared.node, source),
    takesArguments: declared.node.parameters.length > 0,
    description: description(source.text, comment),
    settings,
    examples: examples.examples,
    problems: [
      ...placeProblems(source, declared, path),
      ...(exports === 'hidden' && !anonymous ? [hiddenProblem(source, declared, node)] : []),
      ...problems,
      ...examples.problems,
    ],
  };
}

function nameSpan({ nameNode }: Declared, node: ts.Node, source: ts.SourceFile): Span {
  if (nameNode) return spanOf(nameNode, source);
  const start = node.getStart(source);
  return { start, end: start + (source.text.slice(start).match(/^export\s+default/)?.[0].length ?? 0) };
}

function placeProblems(source: ts.SourceFile, declared: Declared, path: readonly ts.Node[]): MarkProblem[] {
  const problems: MarkProblem[] = [];
  const around = nestedIn(path);
  if (around) {
    const message = `"${declared.name}" stands inside ${nameOf(around, path)}, where the endpoint cannot reach it: move it to the top level of the module.`;
    problems.push(problem('nested', message, nameSpan(declared, path.at(-1)!, source)));
  }
  const use = thisIn(declared.node, source);
  if (use) {
    const instead = declared.access === 'static-method' ? 'name the class instead' : 'take it as a parameter';
    problems.push(
      problem('uses-this', `"${declared.name}" uses "this", which it does not have elsewhere: ${instead}.`, use),
    );
  }
  return problems;
}

function hiddenProblem(source: ts.SourceFile, declared: Declared, node: ts.Node): MarkProblem {
  const message = '"export =" with anything but a name hides the function: export a name, or use "export".';
  return problem('hidden', message, nameSpan(declared, node, source));
}

function nameOf(around: ts.Node, path: readonly ts.Node[]): string {
  const outer = path.findLast(node => ts.isFunctionLike(node) || ts.isModuleDeclaration(node));
  const name = outer && 'name' in outer ? (outer.name as ts.Node | undefined) : undefined;
  if (name && ts.isIdentifier(name)) return `"${name.text}"`;
  return ts.isFunctionLike(around) || outer ? 'another function' : 'a block';
}
