/**
 * A decoded value in the form that JSON can hold and most programs read: dates as ISO text, typed arrays and sets as
 * arrays, maps as objects (a key that is no primitive as its JSON), bytes in base64, big integers as decimal text. What
 * JSON can hold stays as it is.
 */
export function asJson(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64');
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, asJson);
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([key, item]) => [nameOf(key), asJson(item)]));
  if (value instanceof Set) return Array.from(value, asJson);
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) return value.map(asJson);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item)]));
}

// Not by String: an object from elsewhere may have a `toString` that is no function.
const nameOf = (key: unknown) => (typeof key === 'object' && key !== null ? JSON.stringify(asJson(key)) : String(key));
