import { ts } from 'ts-morph';
import { digestOf } from '../../../protocol/ids.ts';
import type { Marked } from './marked.ts';

/** A statement of a module, as a bundle may or may not take it. */
interface Piece {
  /** Of its text, with the comments before it. */
  digest: string;
  /** The names it declares when it only declares; `undefined`: it does something, so every bundle has it. */
  declares: string[] | undefined;
  /** Every identifier in it, whatever it means there. */
  uses: ReadonlySet<string>;
}

/** By statement: the parser takes over those that an edit did not touch. */
const pieces = new WeakMap<ts.Statement, Piece>();

/**
 * Digests of the part of a module that the bundle of a function can hold: the function, what it reaches by name, and
 * every statement that does something by itself; with their lines, for the source map. The same digest means the same
 * bundle, as long as nothing else that is bundled imports the module. From the syntax alone, and rather too much than
 * too little: any identifier counts as a use of what has its name.
 */
export function partsOf(source: ts.SourceFile, functions: readonly Marked[]): Map<Marked, string> {
  // A comment with such a pragma changes how all of the module is read.
  if (/@jsx/.test(source.text)) {
    const whole = digestOf(source.text);
    return new Map(functions.map(marked => [marked, whole]));
  }
  const known = source.statements.map(statement => pieceOf(statement, source));
  const declaring = new Map<string, number[]>();
  for (const [index, { declares }] of known.entries()) {
    for (const name of declares ?? []) declaring.set(name, [...(declaring.get(name) ?? []), index]);
  }
  const always = known.flatMap(({ declares }, index) => (declares ? [] : [index]));
  const lines = source.statements.map(
    statement => source.getLineAndCharacterOfPosition(statement.getStart(source)).line,
  );
  return new Map(
    functions.map(marked => {
      const own = source.statements.findIndex(
        ({ pos, end }) => pos <= marked.tagSpan.start && marked.tagSpan.start < end,
      );
      const reached = reach(known, declaring, [...always, ...(own < 0 ? [] : [own])]);
      const parts = [...reached].sort((a, b) => a - b).map(index => `${lines[index]} ${known[index]!.digest}`);
      return [marked, digestOf([marked.exportsOn, ...parts].join('\n'))];
    }),
  );
}

function reach(
  known: readonly Piece[],
  declaring: ReadonlyMap<string, number[]>,
  from: readonly number[],
): Set<number> {
  const reached = new Set(from);
  // A set is walked in the order of insertion, and what is added meanwhile is walked too.
  for (const index of reached) {
    for (const name of known[index]!.uses) for (const next of declaring.get(name) ?? []) reached.add(next);
  }
  return reached;
}

function pieceOf(statement: ts.Statement, source: ts.SourceFile): Piece {
  let piece = pieces.get(statement);
  if (!piece) {
    const uses = new Set<string>();
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node)) uses.add(node.text);
      ts.forEachChild(node, visit);
    };
    visit(statement);
    const digest = digestOf(source.text.slice(statement.pos, statement.end));
    piece = { digest, declares: declaredOnly(statement), uses };
    pieces.set(statement, piece);
  }
  return piece;
}

/** The names of a statement that does nothing but declare: a type, a function, a plain class. */
function declaredOnly(statement: ts.Statement): string[] | undefined {
  if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) return [];
  if (ts.isFunctionDeclaration(statement) || (ts.isClassDeclaration(statement) && isPlain(statement))) {
    return statement.name ? [statement.name.text] : undefined;
  }
  if (!ts.isVariableStatement(statement)) return undefined;
  const names = statement.declarationList.declarations.map(({ name, initializer }) =>
    ts.isIdentifier(name) && initializer && (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer))
      ? name.text
      : undefined,
  );
  return names.every(name => name !== undefined) ? names : undefined;
}

/** A class whose definition runs no code. */
function isPlain(node: ts.ClassDeclaration): boolean {
  if (node.heritageClauses?.some(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)) return false;
  if (ts.getDecorators(node)?.length) return false;
  return node.members.every(
    member =>
      !ts.isClassStaticBlockDeclaration(member) &&
      !(ts.canHaveDecorators(member) && ts.getDecorators(member)?.length) &&
      !(member.name && ts.isComputedPropertyName(member.name) && !isWellKnownSymbol(member.name.expression)) &&
      !(ts.isPropertyDeclaration(member) && ts.getModifiers(member)?.some(isStatic)),
  );
}

const isStatic = ({ kind }: ts.Modifier): boolean => kind === ts.SyntaxKind.StaticKeyword;

const isWellKnownSymbol = (node: ts.Expression): boolean =>
  ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'Symbol';
