import { ts } from 'ts-morph';
import { limits } from '../../../protocol/limits.ts';
import { declaredFunction } from '../marks/declaration.ts';
import { placeAt } from '../marks/find.ts';
import { literalValue } from '../marks/literal.ts';
import type { Marked } from '../marks/marked.ts';
import type { Checked } from './compiler.ts';
import { jsonForm } from './json-form.ts';
import { MAX_TYPES, type Schema, schemaOfType, type TypeContext } from './types.ts';

/**
 * JSON Schema (2020-12) of the argument array of a function. Each parameter is an entry of `prefixItems` with its name as
 * `title`, its `@param` text as `description` and its default value; a rest parameter is `items`.
 *
 * Types that JSON does not have carry `x-runabout`: `Date` (a date-time string), `Map` (pairs), `Set`, typed arrays
 * (numbers, bytes also as base64), `BigInt` (an integer or its digits).
 */
export function parametersOf({ source, checker }: Checked, marked: Pick<Marked, 'tagSpan'>): Schema {
  const place = placeAt(source, marked.tagSpan.start);
  const declared = place && declaredFunction(place.node, place.path);
  if (!declared || 'message' in declared) return { type: 'array' };

  const defs: Record<string, Schema> = {};
  const described = paramTexts(source.text.slice(place.node.pos, place.node.getStart(source)));
  const prefixItems: Schema[] = [];
  let items: Schema | false = false;
  let required = 0;
  const parameters = declared.node.parameters.filter(({ name }) => name.getText(source) !== 'this');
  for (const [index, parameter] of parameters.entries()) {
    const context: TypeContext = {
      checker,
      at: declared.node,
      open: new Map(),
      defs,
      depth: 0,
      budget: { left: MAX_TYPES },
    };
    const name = ts.isIdentifier(parameter.name) ? parameter.name.text : `argument${index + 1}`;
    const type = checker.getTypeAtLocation(parameter);
    const optional = parameter.questionToken !== undefined || parameter.initializer !== undefined;
    const about = { title: name, ...(described.has(name) ? { description: described.get(name)! } : {}) };
    if (parameter.dotDotDotToken) {
      const element = checker.getIndexTypeOfType(type, ts.IndexKind.Number);
      items = { ...about, ...(element ? schemaOfType(element, context) : {}) };
      continue;
    }
    const schema = schemaOfType(type, context, optional);
    prefixItems.push({ ...about, ...schema, ...defaultOf(parameter) });
    if (!optional && !isOptionalInJs(parameter)) required = index + 1;
  }
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'array',
    ...(prefixItems.length > 0 ? { prefixItems } : {}),
    items,
    minItems: required,
    ...(Object.keys(defs).length > 0 ? { $defs: defs } : {}),
  };
  return Buffer.byteLength(JSON.stringify(schema)) <= limits.schema ? schema : namesOnly(schema);
}

/** A schema that is more than the registry takes: what it says of the types goes, and the rest stays. */
function namesOnly({ $defs: _, prefixItems = [], items, ...schema }: Schema & { prefixItems?: Schema[] }): Schema {
  const about = ({ title, description }: Schema) => ({ title, ...(description ? { description } : {}) });
  return { ...schema, prefixItems: prefixItems.map(about), items: items ? about(items as Schema) : false };
}

function defaultOf({ initializer }: ts.ParameterDeclaration): { default?: unknown } {
  if (!initializer) return {};
  try {
    return { default: jsonForm(literalValue(initializer)) };
  } catch {
    return {};
  }
}

/** `@param {number=} x` and `@param [x]` in JavaScript. */
function isOptionalInJs(parameter: ts.ParameterDeclaration): boolean {
  return ts
    .getJSDocParameterTags(parameter)
    .some(tag => tag.isBracketed || tag.typeExpression?.type.kind === ts.SyntaxKind.JSDocOptionalType);
}

/** The texts of `@param` tags by name, from the comment before a function. */
function paramTexts(trivia: string): Map<string, string> {
  const texts = new Map<string, string>();
  const tag = /@param\s+(?:\{[^}]*\}\s*)?\[?([\w$]+)[^\s\]]*\]?([\s\S]*?)(?=\n\s*\*?\s*@|\*\/|$)/g;
  for (const [, name, text] of trivia.matchAll(tag)) {
    const clean = text!
      .replace(/\n\s*\*/g, ' ')
      .replace(/\s+/g, ' ')
      .replace(/^ ?-? ?/, '')
      .trim();
    if (clean !== '') texts.set(name!, clean.slice(0, 1024));
  }
  return texts;
}
