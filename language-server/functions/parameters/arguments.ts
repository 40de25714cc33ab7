import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { RunaboutError } from '../../../protocol/errors/error.ts';
import { bigIntArrays, numberArrays } from '../typed-arrays.ts';
import type { Schema } from './types.ts';

const ajv = new Ajv2020({ strict: false, allErrors: false, addUsedSchema: false });
ajv.addFormat('date-time', text => !Number.isNaN(Date.parse(text)));
ajv.addFormat('regexp', text => toRegExp(text) !== undefined);
const validators = new WeakMap<Schema, ValidateFunction>();

/**
 * Arguments that a person wrote as JSON, checked against the parameters' schema, with its `x-runabout` types made real.
 * @throws RunaboutError `arguments-invalid` that names the parameter
 */
export function argumentsFromJson(args: readonly unknown[], schema: Schema): unknown[] {
  const validate = validatorOf(schema, schema);
  if (!validate(args)) throw invalid(schema, args, principal(validate.errors!));
  return revive(args, schema, schema) as unknown[];
}

/** @param part a schema inside `root`, whose `$defs` it may refer to */
function validatorOf(part: Schema, root: Schema): ValidateFunction {
  let validate = validators.get(part);
  if (!validate) {
    validate = ajv.compile(part === root ? part : { ...part, $defs: root.$defs });
    validators.set(part, validate);
  }
  return validate;
}

/** Of a union every branch reports; that none fits is what a person needs to know. */
const principal = (errors: ErrorObject[]): ErrorObject =>
  errors.find(({ keyword }) => keyword === 'anyOf') ?? errors[0]!;

function invalid(schema: Schema, args: readonly unknown[], error: ErrorObject): RunaboutError {
  const [, first, ...rest] = error.instancePath.split('/');
  const names = ((schema.prefixItems as Schema[] | undefined) ?? []).map(({ title }) => String(title));
  if (first === undefined || (error.keyword === 'false schema' && rest.length === 0)) {
    const missing = names[args.length];
    const given = args.length === 1 ? 'There is 1 argument' : `There are ${args.length} arguments`;
    const most = `${given}; the function takes ${names.length === 0 ? 'none' : `at most ${names.length}`}.`;
    const message = error.keyword === 'minItems' && missing ? `The argument "${missing}" is missing.` : most;
    return new RunaboutError('arguments-invalid', message, { path: missing ?? '' });
  }
  const tail = (schema.items as Schema | false) || undefined;
  const name = names[Number(first)] ?? tail?.title ?? `argument ${Number(first) + 1}`;
  const path = [String(name), ...rest].join('.');
  return new RunaboutError('arguments-invalid', `The argument "${path}" ${expectation(error)}.`, { path });
}

function expectation({ keyword, message, params }: ErrorObject): string {
  switch (keyword) {
    case 'type':
      return `must be ${[params.type].flat().join(' or ')}`;
    case 'required':
      return `has no "${params.missingProperty}"`;
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).map(value => JSON.stringify(value)).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'format':
      return params.format === 'regexp'
        ? 'must be a regular expression, such as /^a+$/i'
        : 'must be a date and time, such as 2026-01-31T12:00:00Z';
    case 'anyOf':
      return 'is of none of the types it may have';
    case 'false schema':
      return 'is one too many';
    case 'not':
      return 'cannot be sent';
    default:
      return message ?? 'is not valid';
  }
}

function revive(value: unknown, schema: unknown, root: Schema): unknown {
  const part = resolve(schema, root);
  if (!part) return value;
  const marker = part['x-runabout'];
  if (typeof marker === 'string') return construct(marker, value, part, root);
  const branches = part.anyOf as Schema[] | undefined;
  if (branches) {
    const branch = branches.find(candidate => validatorOf(candidate, root)(value));
    return branch ? revive(value, branch, root) : value;
  }
  if (Array.isArray(value)) {
    const prefix = (part.prefixItems as unknown[] | undefined) ?? [];
    return value.map((item, index) => revive(item, prefix[index] ?? part.items, root));
  }
  if (value !== null && typeof value === 'object') {
    const properties = (part.properties as Schema | undefined) ?? {};
    const entries = Object.entries(value).map(([key, item]) => {
      const of = Object.hasOwn(properties, key) ? properties[key] : part.additionalProperties;
      return [key, revive(item, of, root)];
    });
    return Object.fromEntries(entries);
  }
  return value;
}

function resolve(schema: unknown, root: Schema): Schema | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  const { $ref } = schema as { $ref?: string };
  if (!$ref) return schema as Schema;
  return (root.$defs as Record<string, Schema> | undefined)?.[$ref.replace('#/$defs/', '')];
}

const toBigInt = (value: unknown) => BigInt(typeof value === 'string' ? value.replace(/n$/, '') : (value as number));

/** What `/source/flags` says; `undefined` when it is no regular expression. */
function toRegExp(text: string): RegExp | undefined {
  const [, source, flags] = /^\/(.+)\/([a-z]*)$/s.exec(text) ?? [];
  if (source === undefined) return undefined;
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

function construct(marker: string, value: unknown, part: Schema, root: Schema): unknown {
  const items = () => (value as unknown[]).map(item => revive(item, part.items, root));
  const bytes = () => (typeof value === 'string' ? [...Buffer.from(value, 'base64')] : (value as number[]));
  switch (marker) {
    case 'Date':
      return new Date(value as string);
    case 'BigInt':
      return toBigInt(value);
    case 'Map':
      return new Map(items() as [unknown, unknown][]);
    case 'Set':
      return new Set(items());
    case 'Buffer':
      return Buffer.from(bytes());
    case 'ArrayBuffer':
      return new Uint8Array(bytes()).buffer;
    case 'DataView':
      return new DataView(new Uint8Array(bytes()).buffer);
    case 'RegExp':
      return toRegExp(value as string);
    case 'BigInt64Array':
    case 'BigUint64Array':
      return new bigIntArrays[marker]!((value as unknown[]).map(toBigInt));
    case 'undefined':
      return undefined;
    default:
      return numberArrays[marker] ? new numberArrays[marker](bytes()) : value;
  }
}
