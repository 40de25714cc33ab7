import { ts } from 'ts-morph';
import { commentsBefore, description, parseComment } from '../marks/comment.ts';

export type Schema = Record<string, unknown>;

export interface TypeContext {
  checker: ts.TypeChecker;
  /** Where the types are looked at from. */
  at: ts.Node;
  /** Named types that are being described: meeting one again makes it a definition. */
  open: Map<ts.Type, { name: string; used: boolean }>;
  /** The `$defs` of the schema, filled as recursive types are met. */
  defs: Record<string, Schema>;
  depth: number;
  /** How many more types may be described, of all that hang on one parameter. */
  budget: { left: number };
}

/** A type of a library may reach a thousand others by a million ways (`HTMLElement`): what is beyond this stays open. */
export const MAX_TYPES = 500;

/** Deeper types are left open: a person does not write such arguments by hand. */
const MAX_DEPTH = 12;

const integerArrays = new Map<string, [number, number]>(
  Object.entries({
    Int8Array: [-128, 127],
    Uint8Array: [0, 255],
    Uint8ClampedArray: [0, 255],
    Int16Array: [-32768, 32767],
    Uint16Array: [0, 65535],
    Int32Array: [-2147483648, 2147483647],
    Uint32Array: [0, 4294967295],
  }),
);

/** What no encoding takes, and what a function can take instead. */
const unsendable = new Map<string, string>(
  Object.entries({
    Promise: 'A promise cannot be sent: take the value itself.',
    PromiseLike: 'A promise cannot be sent: take the value itself.',
    URL: 'A URL cannot be sent: take its text.',
    URLSearchParams: 'URLSearchParams cannot be sent: take their text.',
    Blob: 'A Blob cannot be sent: take its bytes.',
    File: 'A File cannot be sent: take its bytes.',
    FormData: 'FormData cannot be sent: take a plain object.',
    Headers: 'Headers cannot be sent: take a plain object.',
    Request: 'A Request cannot be sent: take its parts.',
    Response: 'A Response cannot be sent: take what it holds.',
    ReadableStream: 'A stream cannot be sent: take what it holds.',
    WritableStream: 'A stream cannot be sent.',
    AbortSignal: 'An AbortSignal cannot be sent: cancel the task instead.',
    WeakMap: 'A WeakMap cannot be sent: take a Map.',
    WeakSet: 'A WeakSet cannot be sent: take a Set.',
    WeakRef: 'A WeakRef cannot be sent: take the value itself.',
    Function: 'A function cannot be sent.',
  }),
);

/** Bytes, as numbers or in base64. */
const bytes = (marker: string): Schema => ({
  type: ['array', 'string'],
  items: { type: 'integer', minimum: 0, maximum: 255 },
  contentEncoding: 'base64',
  'x-runabout': marker,
});

/** @param optional the value may be absent, so `undefined` in its type says nothing more */
export function schemaOfType(type: ts.Type, context: TypeContext, optional = false): Schema {
  if (context.depth > MAX_DEPTH || context.budget.left-- <= 0) return {};
  const deeper = { ...context, depth: context.depth + 1 };
  const simple = primitive(type);
  if (simple) return simple;
  if (type.isUnion()) return union(type, deeper, optional);
  if (type.isIntersection()) {
    // A branded primitive is that primitive.
    const base = type.types.map(primitive).find(found => found !== undefined);
    if (base) return base;
  }
  if (type.flags & ts.TypeFlags.Instantiable) {
    const constraint = context.checker.getBaseConstraintOfType(type);
    return constraint && constraint !== type ? schemaOfType(constraint, deeper) : {};
  }
  return builtIn(type, deeper) ?? named(type, deeper);
}

function primitive(type: ts.Type): Schema | undefined {
  const { flags } = type;
  if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {};
  if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
  if (flags & ts.TypeFlags.BooleanLiteral)
    return { const: (type as ts.Type & { intrinsicName: string }).intrinsicName === 'true' };
  if (flags & ts.TypeFlags.StringLike) return { type: 'string' };
  if (flags & ts.TypeFlags.NumberLike && !type.isUnion()) return { type: 'number' };
  if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
  if (flags & ts.TypeFlags.BigIntLike)
    return { type: ['integer', 'string'], pattern: '^-?[0-9]+n?$', 'x-runabout': 'BigInt' };
  if (flags & ts.TypeFlags.Null) return { type: 'null' };
  if (flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) return { type: 'null', 'x-runabout': 'undefined' };
  if (flags & (ts.TypeFlags.Never | ts.TypeFlags.ESSymbolLike)) return { not: {} };
  return undefined;
}

function union(type: ts.UnionType, context: TypeContext, optional: boolean): Schema {
  const isNothing = (part: ts.Type) => (part.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Void)) !== 0;
  const hasNull = type.types.some(part => part.flags & ts.TypeFlags.Null);
  // Written as JSON, `null | undefined` can only be null.
  const parts = type.types.filter(part => !(isNothing(part) && (optional || hasNull)));
  const schemas: Schema[] = [];
  const constants: unknown[] = [];
  for (const part of parts) {
    const schema = schemaOfType(part, context);
    if (Object.keys(schema).length === 1 && 'const' in schema) constants.push(schema.const);
    else schemas.push(schema);
  }
  if (constants.includes(true) && constants.includes(false)) {
    schemas.push({ type: 'boolean' });
    constants.splice(0, constants.length, ...constants.filter(value => typeof value !== 'boolean'));
  }
  if (constants.length > 0) schemas.unshift(constants.length === 1 ? { const: constants[0] } : { enum: constants });
  return schemas.length === 1 ? schemas[0]! : { anyOf: schemas };
}

function builtIn(type: ts.Type, context: TypeContext): Schema | undefined {
  const { checker } = context;
  if (checker.isTupleType(type)) return tuple(type as ts.TupleTypeReference, context);
  if (checker.isArrayType(type)) return { type: 'array', items: argument(type, 0, context) };
  const name = type.getSymbol()?.name ?? '';
  if (!isFromLibrary(type)) return undefined;
  const why = unsendable.get(name);
  if (why !== undefined) return { not: {}, description: why };
  const range = integerArrays.get(name);
  if (range && range[1] !== 255) {
    const [minimum, maximum] = range;
    return { type: 'array', items: { type: 'integer', minimum, maximum }, 'x-runabout': name };
  }
  switch (name) {
    case 'Uint8Array':
    case 'Uint8ClampedArray':
    case 'Buffer':
    case 'ArrayBuffer':
    case 'DataView':
      return bytes(name);
    case 'RegExp':
      return { type: 'string', format: 'regexp', 'x-runabout': 'RegExp' };
    case 'Date':
      return { type: 'string', format: 'date-time', 'x-runabout': 'Date' };
    case 'Float32Array':
    case 'Float64Array':
      return { type: 'array', items: { type: 'number' }, 'x-runabout': name };
    case 'BigInt64Array':
    case 'BigUint64Array':
      return { type: 'array', items: { type: ['integer', 'string'], pattern: '^-?[0-9]+n?$' }, 'x-runabout': name };
    case 'Set':
    case 'ReadonlySet':
      return { type: 'array', items: argument(type, 0, context), 'x-runabout': 'Set' };
    case 'Map':
    case 'ReadonlyMap': {
      const pair = [argument(type, 0, context), argument(type, 1, context)];
      return {
        type: 'array',
        items: { type: 'array', prefixItems: pair, minItems: 2, items: false },
        'x-runabout': 'Map',
      };
    }
    case 'String':
      return { type: 'string' };
    case 'Number':
      return { type: 'number' };
    case 'Boolean':
      return { type: 'boolean' };
    case 'Object':
      return {};
    default:
      return undefined;
  }
}

/** Declared by TypeScript's own library or by Node's types, not by a user's class of the same name. */
function isFromLibrary(type: ts.Type): boolean {
  const file = type.getSymbol()?.declarations?.[0]?.getSourceFile().fileName ?? '';
  return /(^|\/)lib\.[\w.]*d\.ts$/.test(file) || file.includes('/@types/node/');
}

function argument(type: ts.Type, index: number, context: TypeContext): Schema {
  const found = context.checker.getTypeArguments(type as ts.TypeReference)[index];
  return found ? schemaOfType(found, context) : {};
}

function tuple(type: ts.TupleTypeReference, context: TypeContext): Schema {
  const { elementFlags } = type.target;
  const prefixItems: Schema[] = [];
  let items: Schema | false = false;
  for (const [index, flags] of elementFlags.entries()) {
    if (flags & (ts.ElementFlags.Rest | ts.ElementFlags.Variadic)) items = argument(type, index, context);
    else prefixItems.push(argument(type, index, context));
  }
  return { type: 'array', prefixItems, items, minItems: type.target.minLength };
}

/** Objects, by their name when they contain themselves. */
function named(type: ts.Type, context: TypeContext): Schema {
  const open = context.open.get(type);
  if (open) {
    open.used = true;
    return { $ref: `#/$defs/${open.name}` };
  }
  if (type.getCallSignatures().length > 0) return { not: {}, description: 'A function cannot be sent.' };
  const entry = { name: freeName(type, context), used: false };
  context.open.set(type, entry);
  const schema = objectSchema(type, context);
  context.open.delete(type);
  if (!entry.used) return schema;
  context.defs[entry.name] = schema;
  return { $ref: `#/$defs/${entry.name}` };
}

function freeName(type: ts.Type, context: TypeContext): string {
  const given = (type.aliasSymbol ?? type.getSymbol())?.name ?? 'Type';
  const base = /^[A-Za-z]\w*$/.test(given) ? given : 'Type';
  const taken = new Set([...Object.keys(context.defs), ...[...context.open.values()].map(({ name }) => name)]);
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}${i}`;
  return name;
}

function objectSchema(type: ts.Type, context: TypeContext): Schema {
  const { checker, at } = context;
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const symbol of checker.getPropertiesOfType(type)) {
    if (symbol.name.startsWith('__@') || symbol.name === '__proto__') continue;
    const optional = (symbol.flags & ts.SymbolFlags.Optional) !== 0;
    const propertyType = checker.getTypeOfSymbolAtLocation(symbol, at);
    if (propertyType.getCallSignatures().length > 0 && symbol.flags & ts.SymbolFlags.Method) continue;
    const text = documentation(symbol);
    properties[symbol.name] = {
      ...schemaOfType(propertyType, context, optional),
      ...(text ? { description: text } : {}),
    };
    if (!optional) required.push(symbol.name);
  }
  const index = checker.getIndexTypeOfType(type, ts.IndexKind.String);
  return {
    type: 'object',
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required } : {}),
    ...(index ? { additionalProperties: schemaOfType(index, context) } : {}),
  };
}

/** The JSDoc of a property where it is declared. */
function documentation(symbol: ts.Symbol): string | undefined {
  const declaration = symbol.declarations?.[0];
  if (!declaration) return undefined;
  const source = declaration.getSourceFile();
  const comment = commentsBefore(declaration, source).at(-1);
  return comment && description(source.text, parseComment(source.text, comment))?.slice(0, 1024);
}
