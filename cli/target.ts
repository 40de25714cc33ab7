import { RunaboutError } from '../protocol/errors/error.ts';

/** Cuts `src/stats.ts#mean` into file and function. @throws RunaboutError `function-not-found` */
export function splitTarget(target: string): [file: string, name: string] {
  const hash = target.lastIndexOf('#');
  if (hash > 0 && hash < target.length - 1) return [target.slice(0, hash), target.slice(hash + 1)];
  throw new RunaboutError('function-not-found', `"${target}" does not name a function.`, {
    hint: 'Write FILE#FUNCTION, for example src/stats.ts#mean.',
  });
}
