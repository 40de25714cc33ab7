/** A function that calls `act` once for all its calls within `ms`. */
export function coalesce(act: () => void, ms: number): { (): void; dispose(): void } {
  let timer: NodeJS.Timeout | undefined;
  const call = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      act();
    }, ms);
  };
  return Object.assign(call, { dispose: () => clearTimeout(timer) });
}
