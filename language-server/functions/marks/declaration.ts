import { ts } from 'ts-morph';
import type { FunctionKind } from '../../../protocol/client-broker/functions.ts';
import type { Marked, MarkProblem } from './marked.ts';
import { spanOf } from './source.ts';

type FunctionNode = ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction | ts.MethodDeclaration;

/** The function that a declaration declares, and how it is named and reached. */
export interface Declared {
  node: FunctionNode;
  name: string;
  nameNode: ts.Node | undefined;
  access: Marked['access'];
}

type Refusal = Pick<MarkProblem, 'code' | 'message'>;
const refuse = (code: MarkProblem['code'], message: string): Refusal => ({ code, message });

/**
 * What can be marked: function declarations, functions bound to a `const`, default exports, static methods.
 * @param path the nodes around `node`, the outermost first
 */
export function declaredFunction(node: ts.Node, path: readonly ts.Node[]): Declared | Refusal {
  if (ts.isFunctionDeclaration(node)) return functionDeclaration(node);
  if (ts.isVariableStatement(node)) return constant(node);
  if (ts.isExportAssignment(node)) return defaultExport(node);
  if (ts.isMethodDeclaration(node) || ts.isPropertyDeclaration(node)) return member(node, path);
  if (ts.isClassLike(node)) return refuse('mark-misplaced', 'A class cannot be marked: mark its static methods.');
  return refuse('mark-misplaced', 'Only a function can be marked: put the mark right before one.');
}

function functionDeclaration(node: ts.FunctionDeclaration): Declared | Refusal {
  if (!node.body) {
    return refuse('no-body', `This signature of "${node.name?.text}" has no body: put the mark on the one that has.`);
  }
  if (node.name) return { node, name: node.name.text, nameNode: node.name, access: 'name' };
  return { node, name: 'default', nameNode: undefined, access: 'anonymous-default' };
}

function constant(statement: ts.VariableStatement): Declared | Refusal {
  const { declarations, flags } = statement.declarationList;
  const declaration = declarations[0];
  if (declarations.length !== 1 || !declaration || !ts.isIdentifier(declaration.name)) {
    return refuse('mark-misplaced', 'The mark stands before several variables: give the function its own "const".');
  }
  const name = declaration.name.text;
  const node = functionIn(declaration.initializer);
  if (!node) {
    return refuse('mark-misplaced', `"${name}" is not a function written out here: mark the function itself.`);
  }
  if (!(flags & ts.NodeFlags.Const)) {
    return refuse('not-const', `"${name}" can be given another value: declare it with "const" to mark it.`);
  }
  return { node, name, nameNode: declaration.name, access: 'name' };
}

function defaultExport(node: ts.ExportAssignment): Declared | Refusal {
  const found = functionIn(node.expression);
  if (!found || node.isExportEquals) {
    return refuse('mark-misplaced', 'What is exported here is not a function written out: mark the function itself.');
  }
  return { node: found, name: 'default', nameNode: undefined, access: 'anonymous-default' };
}

function member(node: ts.MethodDeclaration | ts.PropertyDeclaration, path: readonly ts.Node[]): Declared | Refusal {
  const owner = path.at(-1);
  if (!owner || !ts.isClassLike(owner)) {
    return refuse('mark-misplaced', 'A method of an object cannot be marked: make it a function or a static method.');
  }
  const holder = path.at(-2);
  const nameNode = owner.name ?? (holder && ts.isVariableDeclaration(holder) ? holder.name : undefined);
  if (!nameNode || !ts.isIdentifier(nameNode)) {
    return refuse('mark-misplaced', 'The class has no name, so its methods cannot be marked: give it one.');
  }
  if (!ts.isIdentifier(node.name)) {
    return refuse('mark-misplaced', 'A method can be marked when its name is a plain, public one.');
  }
  const name = `${nameNode.text}.${node.name.text}`;
  if (!ts.getModifiers(node)?.some(modifier => modifier.kind === ts.SyntaxKind.StaticKeyword)) {
    return refuse('instance-method', `"${name}" needs an object, which stays here: make it static, or a function.`);
  }
  const found = ts.isMethodDeclaration(node) ? node : functionIn(node.initializer);
  if (!found) return refuse('mark-misplaced', `"${name}" is not a function.`);
  if (!found.body)
    return refuse('no-body', `This signature of "${name}" has no body: put the mark on the one that has.`);
  return { node: found, name, nameNode: node.name, access: 'static-method' };
}

/** A function expression, also in brackets or under `as` and `satisfies`. */
function functionIn(node: ts.Expression | undefined): ts.FunctionExpression | ts.ArrowFunction | undefined {
  if (!node) return undefined;
  if (ts.isFunctionExpression(node) || ts.isArrowFunction(node)) return node;
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node))
    return functionIn(node.expression);
  return undefined;
}

export function kindOf(node: FunctionNode): FunctionKind {
  const isAsync = ts.getModifiers(node)?.some(modifier => modifier.kind === ts.SyntaxKind.AsyncKeyword) ?? false;
  if (node.asteriskToken) return isAsync ? 'async-generator' : 'generator';
  return isAsync ? 'async' : 'sync';
}

/** Parameters and result type as written, in one line. */
export function signatureOf(node: FunctionNode, source: ts.SourceFile): string {
  const parameters = node.parameters.map(parameter => parameter.getText(source)).join(', ');
  const result = node.type ? `: ${node.type.getText(source)}` : '';
  return `(${parameters})${result}`.replace(/\s+/g, ' ').replace(/, \)/g, ')');
}

/** By function: the parser takes over those that an edit did not touch, and most of the tree is in their bodies. */
const uses = new WeakMap<FunctionNode, { ofThis: ts.Node | undefined }>();

/** Where the function uses its own `this`, if it does. Inner functions and classes have theirs. */
export function thisIn(node: FunctionNode, source: ts.SourceFile): { start: number; end: number } | undefined {
  let found = uses.get(node);
  if (!found) {
    found = { ofThis: findThis(node) };
    uses.set(node, found);
  }
  return found.ofThis && spanOf(found.ofThis, source);
}

function findThis(node: FunctionNode): ts.Node | undefined {
  const visit = (child: ts.Node): ts.Node | undefined => {
    if (child.kind === ts.SyntaxKind.ThisKeyword) return child;
    if (ts.isFunctionDeclaration(child) || ts.isFunctionExpression(child) || ts.isClassLike(child)) return undefined;
    if (ts.isMethodDeclaration(child) || ts.isAccessor(child) || ts.isTypeNode(child)) return undefined;
    return ts.forEachChild(child, visit);
  };
  return [...node.parameters.map(p => p.initializer), node.body]
    .filter(part => part !== undefined)
    .map(part => visit(part))
    .find(use => use !== undefined);
}

/**
 * What holds the function, when that is not the module itself or a class of it; the bundle cannot reach in there.
 * @param path the nodes around the declaration, the source file first
 */
export function nestedIn(path: readonly ts.Node[]): ts.Node | undefined {
  return path
    .slice(1)
    .findLast(
      node =>
        ts.isFunctionLike(node) ||
        ts.isBlock(node) ||
        ts.isModuleBlock(node) ||
        ts.isClassStaticBlockDeclaration(node) ||
        ts.isForStatement(node) ||
        ts.isCaseOrDefaultClause(node),
    );
}
