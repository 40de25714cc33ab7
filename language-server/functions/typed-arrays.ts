/** Typed arrays of numbers, by the names that types and calls give them. */
export const numberArrays: Record<string, new (items: number[]) => unknown> = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
};

/** Typed arrays of big integers. */
export const bigIntArrays: Record<string, new (items: bigint[]) => unknown> = { BigInt64Array, BigUint64Array };
