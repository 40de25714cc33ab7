import { ts } from 'ts-morph';
import type { Marks } from './find.ts';
import { placeAt } from './find.ts';
import type { Marked, MarkProblem } from './marked.ts';
import { spanOf } from './source.ts';

/**
 * What a function takes from around itself that does not travel with it: locals of an enclosing function (an error that
 * names them), and variables of the module that are given new values (a warning). It binds names with the type checker's
 * scopes, on this one file and without any library: some milliseconds, so not for every keystroke.
 */
export function checkCaptures(source: ts.SourceFile, { functions }: Marks): Map<Marked, MarkProblem[]> {
  if (functions.length === 0) return new Map();
  const checker = scopesOf(source);
  return new Map(
    functions.map(marked => {
      const declaration = placeAt(source, marked.tagSpan.start)?.node;
      return [marked, declaration ? captured(source, checker, marked, declaration) : []];
    }),
  );
}

/**
 * Whether {@link checkCaptures} can find anything: only where a marked function stands inside something, or names a
 * variable of the module that can be given new values.
 */
export function mayCapture({ statements, text }: ts.SourceFile, { functions }: Marks): boolean {
  if (functions.some(({ problems }) => problems.some(({ code }) => code === 'nested'))) return true;
  if (functions.length === 0) return false;
  const names = statements.map(statement => variablesOf(statement, text));
  if (names.includes('unknown')) return true;
  const any = [...new Set(names.flat())].map(name => name.replace(/\$/g, '\\$&')).join('|');
  if (any === '') return false;
  const mention = new RegExp(`(?<![\\w$])(?:${any})(?![\\w$])`);
  return functions.some(({ span }) => mention.test(text.slice(span.start, span.end)));
}

/** The variables of the module that a statement declares and that can be given new values. */
function variablesOf(statement: ts.Statement, text: string): string[] | 'unknown' {
  if (ts.isVariableStatement(statement)) {
    if (statement.declarationList.flags & ts.NodeFlags.Const) return [];
    const names = statement.declarationList.declarations.map(({ name }) => (ts.isIdentifier(name) ? name.text : ''));
    return names.includes('') ? 'unknown' : names;
  }
  if (ts.isDeclarationStatement(statement) || ts.isExpressionStatement(statement)) return [];
  // A `var` in a block is the module's too.
  return /\b(?:let|var)\b/.test(text.slice(statement.pos, statement.end)) ? 'unknown' : [];
}

function scopesOf(source: ts.SourceFile): ts.TypeChecker {
  const options: ts.CompilerOptions = {
    noLib: true,
    noResolve: true,
    allowJs: true,
    types: [],
    target: ts.ScriptTarget.ESNext,
  };
  const program = ts.createProgram([source.fileName], options, {
    getSourceFile: name => (name === source.fileName ? source : undefined),
    getDefaultLibFileName: () => 'lib.d.ts',
    writeFile: () => {},
    getCurrentDirectory: () => '/',
    getCanonicalFileName: name => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: name => name === source.fileName,
    readFile: () => undefined,
  });
  return program.getTypeChecker();
}

function captured(source: ts.SourceFile, checker: ts.TypeChecker, marked: Marked, declaration: ts.Node): MarkProblem[] {
  const problems: MarkProblem[] = [];
  const seen = new Set<ts.Symbol>();
  const visit = (node: ts.Node): void => {
    // `extends Base` and `make<T>` are values with types behind them.
    if (ts.isExpressionWithTypeArguments(node) && !isImplements(node.parent)) {
      visit(node.expression);
      return;
    }
    if (ts.isTypeNode(node)) return;
    if (ts.isIdentifier(node) && !isPropertyName(node)) {
      const symbol = ts.isShorthandPropertyAssignment(node.parent)
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : checker.getSymbolAtLocation(node);
      if (symbol && !seen.has(symbol)) {
        seen.add(symbol);
        const problem = problemOf(source, checker, marked, declaration, node, symbol);
        if (problem) problems.push(problem);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(declaration);
  return problems;
}

function problemOf(
  source: ts.SourceFile,
  checker: ts.TypeChecker,
  marked: Marked,
  declaration: ts.Node,
  use: ts.Identifier,
  symbol: ts.Symbol,
): MarkProblem | undefined {
  const origin = symbol.valueDeclaration;
  if (!origin || origin.getSourceFile() !== source) return undefined;
  if (origin.pos >= declaration.pos && origin.end <= declaration.end) return undefined;
  const name = use.text;
  const hoisted = ts.isVariableDeclaration(origin) && !(ts.getCombinedNodeFlags(origin) & ts.NodeFlags.BlockScoped);
  const scope = ts.findAncestor(origin.parent, node => holdsVar(node) || (!hoisted && isBlockScope(node)));
  if (scope) {
    return {
      severity: 'error',
      code: 'captures',
      message: `"${marked.name}" uses "${name}", a local of ${scopeName(scope)}, which stays here: make "${name}" a parameter, or move it to the top level of the module.`,
      span: spanOf(use, source),
      fixes: [],
    };
  }
  if (!ts.isVariableDeclaration(origin) || !isReassigned(source, checker, origin, symbol)) return undefined;
  return {
    severity: 'warning',
    code: 'mutable-state',
    message: `"${name}" is given new values in this module; elsewhere "${marked.name}" sees the first one, and its changes stay there. Make "${name}" a parameter or a const.`,
    span: spanOf(use, source),
    fixes: [],
  };
}

const isImplements = (node: ts.Node): boolean =>
  ts.isHeritageClause(node) && node.token === ts.SyntaxKind.ImplementsKeyword;

/** What a `var` does not leave. */
const holdsVar = (node: ts.Node): boolean =>
  ts.isFunctionLike(node) || ts.isModuleBlock(node) || ts.isClassStaticBlockDeclaration(node);

const isBlockScope = (node: ts.Node): boolean =>
  ts.isBlock(node) ||
  ts.isForStatement(node) ||
  ts.isForInStatement(node) ||
  ts.isForOfStatement(node) ||
  ts.isCaseBlock(node) ||
  ts.isCatchClause(node);

function scopeName(scope: ts.Node): string {
  const outer = ts.findAncestor(scope, ts.isFunctionLike);
  const name = outer && ts.getNameOfDeclaration(outer);
  if (name && ts.isIdentifier(name)) return `"${name.text}"`;
  return outer ? 'the function around it' : 'the block around it';
}

function isPropertyName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    (ts.isMethodDeclaration(parent) && parent.name === node) ||
    (ts.isPropertyDeclaration(parent) && parent.name === node) ||
    (ts.isBindingElement(parent) && parent.propertyName === node)
  );
}

/**
 * Whether a `let` or `var` of the module is given a value anywhere besides its declaration. One that is declared without
 * a value, and given its only one while the module loads, has that one wherever the module is loaded.
 */
function isReassigned(
  source: ts.SourceFile,
  checker: ts.TypeChecker,
  declaration: ts.VariableDeclaration,
  symbol: ts.Symbol,
): boolean {
  if (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) return false;
  const assignments: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && node.text === symbol.name && isAssigned(node)) {
      const target = ts.isShorthandPropertyAssignment(node.parent)
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : checker.getSymbolAtLocation(node);
      if (target === symbol) assignments.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  const [first, ...others] = assignments;
  if (!first) return false;
  return others.length > 0 || declaration.initializer !== undefined || !happensOnce(first);
}

/** Whether a place of the module is passed once at the most, while it loads. */
const happensOnce = (node: ts.Node): boolean =>
  !ts.findAncestor(node, above => ts.isFunctionLike(above) || ts.isIterationStatement(above, false));

/** Whether the name stands where an assignment, `++`, or a destructuring writes to. */
function isAssigned(node: ts.Node): boolean {
  for (let child = node, parent = node.parent; parent; child = parent, parent = parent.parent) {
    if (ts.isBinaryExpression(parent)) {
      const { kind } = parent.operatorToken;
      const assigns = kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
      if (assigns && parent.left === child) return true;
      return false;
    }
    if (ts.isPrefixUnaryExpression(parent) || ts.isPostfixUnaryExpression(parent)) {
      return parent.operator === ts.SyntaxKind.PlusPlusToken || parent.operator === ts.SyntaxKind.MinusMinusToken;
    }
    if (ts.isForOfStatement(parent) || ts.isForInStatement(parent)) return parent.initializer === child;
    const pattern =
      ts.isArrayLiteralExpression(parent) ||
      ts.isObjectLiteralExpression(parent) ||
      ts.isShorthandPropertyAssignment(parent) ||
      ts.isSpreadElement(parent) ||
      ts.isSpreadAssignment(parent) ||
      ts.isParenthesizedExpression(parent) ||
      (ts.isPropertyAssignment(parent) && parent.initializer === child);
    if (!pattern) return false;
  }
  return false;
}
