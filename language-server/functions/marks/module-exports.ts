import { extname } from 'node:path';
import { ts } from 'ts-morph';

/**
 * What a CommonJS module exports its things on; `undefined` for an ES module. TypeScript's `export = x` is carried out
 * last of all, so there it is `x` itself; `hidden` when that is anything but a name.
 */
export function commonJsExports(source: ts.SourceFile): { on: string } | 'hidden' | undefined {
  let isEsm = false;
  for (const statement of source.statements) {
    if (ts.isExportAssignment(statement) && statement.isExportEquals) {
      return ts.isIdentifier(statement.expression) ? { on: statement.expression.text } : 'hidden';
    }
    isEsm ||=
      ts.isImportDeclaration(statement) ||
      ts.isExportDeclaration(statement) ||
      ts.isExportAssignment(statement) ||
      (ts.canHaveModifiers(statement) &&
        (ts.getModifiers(statement)?.some(modifier => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false));
  }
  const isCommonJs =
    extname(source.fileName).toLowerCase() === '.cjs' ||
    (!isEsm && /\b(?:module\.)?exports\b|\brequire\s*\(/.test(source.text));
  return isCommonJs ? { on: 'module.exports' } : undefined;
}
