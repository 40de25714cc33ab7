import { ts } from 'ts-morph';
import { bigIntArrays, numberArrays } from '../typed-arrays.ts';

/** Thrown for an expression that is not data. */
export class NotALiteral extends Error {
  readonly node: ts.Node;
  constructor(node: ts.Node, what: string) {
    super(what);
    this.node = node;
  }
}

/**
 * The value of an expression that is plain data: literals, arrays, objects, and `new` of Date, Map, Set and the typed
 * arrays. Nothing is executed.
 * @throws NotALiteral with the part that is not data
 */
export function literalValue(node: ts.Expression): unknown {
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node))
    return literalValue(node.expression);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isBigIntLiteral(node)) return BigInt(node.text.slice(0, -1));
  if (ts.isPrefixUnaryExpression(node)) return signed(node);
  if (ts.isArrayLiteralExpression(node)) return node.elements.map(literalValue);
  if (ts.isObjectLiteralExpression(node)) return objectValue(node);
  if (ts.isNewExpression(node)) return constructed(node);
  switch (node.kind) {
    case ts.SyntaxKind.TrueKeyword:
      return true;
    case ts.SyntaxKind.FalseKeyword:
      return false;
    case ts.SyntaxKind.NullKeyword:
      return null;
  }
  if (ts.isIdentifier(node)) {
    if (node.text === 'undefined') return undefined;
    if (node.text === 'NaN') return Number.NaN;
    if (node.text === 'Infinity') return Number.POSITIVE_INFINITY;
    throw new NotALiteral(node, `"${node.text}" is a variable`);
  }
  throw new NotALiteral(node, 'this is an expression');
}

function signed(node: ts.PrefixUnaryExpression): unknown {
  const value = literalValue(node.operand);
  if (node.operator === ts.SyntaxKind.MinusToken && (typeof value === 'number' || typeof value === 'bigint'))
    return -value;
  if (node.operator === ts.SyntaxKind.PlusToken && typeof value === 'number') return value;
  throw new NotALiteral(node, 'this is an expression');
}

function objectValue(node: ts.ObjectLiteralExpression): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const property of node.properties) {
    if (!ts.isPropertyAssignment(property)) throw new NotALiteral(property, 'only "name: value" may stand here');
    const { name } = property;
    if (ts.isComputedPropertyName(name) || ts.isPrivateIdentifier(name))
      throw new NotALiteral(name, 'the name of a property must be written out');
    // `__proto__` as data, not as the prototype.
    Object.defineProperty(object, ts.isBigIntLiteral(name) ? name.text.slice(0, -1) : name.text, {
      value: literalValue(property.initializer),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

function constructed(node: ts.NewExpression): unknown {
  const type = ts.isIdentifier(node.expression) ? node.expression.text : '';
  const args = (node.arguments ?? []).map(literalValue);
  try {
    if (type === 'Date' && args.length > 0) {
      const date = new Date(...(args as [number]));
      if (Number.isNaN(date.getTime())) throw new Error('it is not a date');
      return date;
    }
    if (type === 'Map') return new Map(args[0] as [unknown, unknown][]);
    if (type === 'Set') return new Set(args[0] as unknown[]);
    const items = args[0] ?? [];
    if (Object.hasOwn(numberArrays, type) && Array.isArray(items)) return new numberArrays[type]!(items);
    if (Object.hasOwn(bigIntArrays, type) && Array.isArray(items)) return new bigIntArrays[type]!(items);
  } catch (error) {
    throw new NotALiteral(node, (error as Error).message);
  }
  throw new NotALiteral(node, `"new ${type || '…'}" is not data`);
}
