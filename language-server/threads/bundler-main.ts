/** The program of the bundler's thread. It has no TypeScript in it, so it starts fast. */
import { Bundler } from '../functions/bundle/bundle.ts';
import type { BundleAnswer, BundleQuestion } from './bundler.ts';
import { answerQuestions } from './thread.ts';

const bundler = new Bundler();

answerQuestions<BundleQuestion, BundleAnswer>(async ({ have, ...request }, signal) => {
  const { code, map, ...rest } = await bundler.bundle({ ...request, signal });
  const same = have?.digest === rest.digest && have.mapDigest === rest.mapDigest;
  return same ? rest : { ...rest, code, map };
});
