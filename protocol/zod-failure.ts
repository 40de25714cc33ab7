import { RunaboutError } from './errors/error.ts';

/**
 * What a value is that zod itself fails at. Its checks of length compare the `length` of whatever has one, so that
 * `{"length":{"valueOf":null}}` in the place of a text throws a TypeError.
 * @throws RunaboutError `request-invalid` for a TypeError, or the error itself
 */
export function invalidIfTypeError(error: unknown): never {
  if (!(error instanceof TypeError)) throw error;
  throw new RunaboutError('request-invalid', 'An object stands where a text or a list is expected.');
}
