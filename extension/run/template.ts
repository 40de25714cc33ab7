type Schema = Record<string, unknown>;

/** An argument array to start from, made from the schema of a function's parameters: optional ones are left out. */
export function argumentsFromSchema(schema: Schema | undefined): unknown[] {
  const items = Array.isArray(schema?.prefixItems) ? (schema.prefixItems as Schema[]) : [];
  const least = typeof schema?.minItems === 'number' ? schema.minItems : items.length;
  return items.slice(0, least).map(item => valueFrom(item, 0));
}

function valueFrom(schema: Schema, depth: number): unknown {
  if ('default' in schema) return schema.default;
  if ('const' in schema) return schema.const;
  for (const key of ['examples', 'enum', 'anyOf', 'oneOf'] as const) {
    const choices = schema[key];
    if (!Array.isArray(choices) || choices.length === 0) continue;
    return key === 'anyOf' || key === 'oneOf' ? valueFrom(choices[0] as Schema, depth) : choices[0];
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'string':
      return '';
    case 'number':
    case 'integer':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return argumentsFromSchema({ ...schema, minItems: schema.minItems ?? 0 });
    case 'object': {
      const properties = (schema.properties ?? {}) as Record<string, Schema>;
      const required = Array.isArray(schema.required) ? (schema.required as string[]) : [];
      if (depth > 5) return {};
      return Object.fromEntries(required.map(key => [key, valueFrom(properties[key] ?? {}, depth + 1)]));
    }
    default:
      return null;
  }
}

/** Whether a function with these parameters takes any. */
export function takesArguments(schema: Schema | undefined): boolean {
  return (Array.isArray(schema?.prefixItems) && schema.prefixItems.length > 0) || typeof schema?.items === 'object';
}
