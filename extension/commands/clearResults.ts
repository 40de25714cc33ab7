import type { Services } from '../services.ts';

export function clearResults({ inline }: Services): void {
  inline.clear();
}
