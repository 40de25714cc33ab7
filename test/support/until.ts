/**
 * Waits until `condition` gives something other than `false`, `null` or `undefined`, and returns that. It looks again
 * every `everyMs`, and fails with `what` after `withinMs`. Tests wait with this, never for a fixed time.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { withinMs = 20_000, everyMs = 20 }: { withinMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<T, false>>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`Waited ${withinMs} ms in vain until ${what}. Last: ${String(last)}`);
    await new Promise(resolve => setTimeout(resolve, everyMs));
  }
}
