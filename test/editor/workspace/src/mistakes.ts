/** @remote endpont=lab */
export function misspelt(): number {
  return 1;
}

export function outer(factor: number) {
  /** @remote */
  function inner(value: number): number {
    return value * factor;
  }
  return inner;
}
