/**
 * A value as JSON a person can edit, in the form the parameter schema describes: dates as ISO strings, maps as pairs,
 * sets, typed arrays and buffers as arrays, big integers as their digits, regular expressions as they are written. Going back needs the schema.
 */
export function jsonForm(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value === undefined) return null;
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return [...value].map(pair => pair.map(jsonForm));
  if (value instanceof Set) return [...value].map(jsonForm);
  if (value instanceof RegExp) return String(value);
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (value instanceof DataView) return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, jsonForm);
  if (Array.isArray(value)) return value.map(jsonForm);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonForm(item)]));
}
