import type { Schema } from './types.ts';

/** JSON text with a value for every required parameter and every one with a default, for a person to edit. */
export function argumentsTemplate(schema: Schema): string {
  const prefix = (schema.prefixItems as Schema[] | undefined) ?? [];
  const required = (schema.minItems as number | undefined) ?? 0;
  const values: unknown[] = [];
  for (const [index, part] of prefix.entries()) {
    // An optional parameter without a known default ends the list: what follows would have to be made up.
    if (index >= required && !('default' in part)) break;
    values.push(sample(part, schema, 0));
  }
  return formatArguments(values);
}

/** One argument on each line, short ones flat. */
export function formatArguments(args: readonly unknown[]): string {
  if (args.length === 0) return '[]\n';
  const lines = args.map(arg => {
    const flat = JSON.stringify(arg);
    return flat.length <= 80 ? flat : JSON.stringify(arg, null, 2).replaceAll('\n', '\n  ');
  });
  return `[\n${lines.map(line => `  ${line}`).join(',\n')}\n]\n`;
}

/** A plain value that fits a schema. */
function sample(schema: Schema, root: Schema, depth: number): unknown {
  if ('default' in schema) return schema.default;
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (depth > 4) return null;
  if (typeof schema.$ref === 'string') {
    const target = (root.$defs as Record<string, Schema> | undefined)?.[schema.$ref.replace('#/$defs/', '')];
    return target ? sample(target, root, depth + 1) : null;
  }
  if (Array.isArray(schema.anyOf)) return sample(schema.anyOf[0] as Schema, root, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'string':
      if (schema.format === 'date-time') return '2026-01-01T00:00:00.000Z';
      return schema.format === 'regexp' ? '/.*/' : '';
    case 'number':
    case 'integer':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return arraySample(schema, root, depth);
    case 'object': {
      const properties = (schema.properties as Record<string, Schema> | undefined) ?? {};
      const required = new Set(schema.required as string[] | undefined);
      const entries = Object.entries(properties).filter(([name]) => required.has(name));
      return Object.fromEntries(entries.map(([name, part]) => [name, sample(part, root, depth + 1)]));
    }
    default:
      return null;
  }
}

function arraySample(schema: Schema, root: Schema, depth: number): unknown[] {
  const prefix = (schema.prefixItems as Schema[] | undefined) ?? [];
  const { minItems, items } = schema as { minItems?: number; items?: Schema | false };
  if (prefix.length > 0) return prefix.slice(0, minItems ?? prefix.length).map(part => sample(part, root, depth + 1));
  return items && Object.keys(items).length > 0 && !('$ref' in items) ? [sample(items, root, depth + 1)] : [];
}
