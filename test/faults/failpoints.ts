/**
 * Named places in the product's sources where the campaign can kill or stop a process. In the sources they are comments
 *
 *     // failpoint: NAME
 *     // failpoint: NAME of EXPRESSION        (a list of words: which kinds of work this pass concerns)
 *
 * and cost nothing; only the campaign's own bundles have calls in their place, of `programs/failpoint.ts`.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

/** Every failpoint, in the order of a task's way; with the kinds of work that are worth a fault of their own. */
export const failpoints: Record<string, readonly string[]> = {
  'client.submit.sending': [],
  'client.submit.acknowledged': [],
  'broker.submit.received': [],
  'store.committing': ['submit', 'claim', 'start', 'complete', 'lose', 'openSession', 'beat', 'cancel', 'sweep'],
  'store.committed': ['submit', 'claim', 'start', 'complete', 'lose', 'openSession', 'beat', 'cancel', 'sweep'],
  'broker.submit.answering': [],
  'broker.task.sending': [],
  'broker.task.sent': [],
  'agent.task.received': [],
  'agent.journal.committing': [],
  'agent.journal.committed': [],
  'agent.accept.sending': [],
  'agent.accept.sent': [],
  'agent.start.journaled': [],
  'agent.run.sent': [],
  'manager.run.received': [],
  'worker.run.received': [],
  'worker.result.sending': [],
  'worker.result.sent': [],
  'manager.result.sending': [],
  'manager.result.sent': [],
  'agent.result.journaled': [],
  'manager.kept.received': [],
  'agent.result.sending': [],
  'agent.result.sent': [],
  'agent.frame.sending': [],
  'agent.frame.sent': [],
  'broker.result.received': [],
  'broker.confirm.sending': [],
  'broker.confirm.sent': [],
  'agent.confirm.received': [],
};

const COMMENT = /^([ \t]*)\/\/ failpoint: (\S+)(?: of (.+))?$/gm;
const runtime = fileURLToPath(new URL('./programs/failpoint.ts', import.meta.url));

/** The source with calls for its failpoint comments; `undefined` if it has none. */
export function withCalls(source: string, found: (name: string) => void): string | undefined {
  let any = false;
  const text = source.replace(COMMENT, (_, indent: string, name: string, kinds?: string) => {
    any = true;
    found(name);
    return `${indent}failpoint(${JSON.stringify(name)}${kinds ? `, ${kinds}` : ''});`;
  });
  return any ? `import { failpoint } from ${JSON.stringify(runtime)};\n${text}` : undefined;
}

/**
 * Turns the comments into calls, and fails the build when the names found are not exactly those of the list, each in
 * one place.
 * @param change what else is done to a source, given its path in the repository
 */
export function failpointPlugin(root: string, change: (path: string, source: string) => string): Plugin {
  return {
    name: 'failpoints',
    setup(build) {
      const places = new Map<string, string[]>();
      build.onStart(() => places.clear());
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (path.includes('/node_modules/') || path === runtime || path === fileURLToPath(import.meta.url))
          return undefined;
        const name = path.slice(root.length);
        const contents = change(name, readFileSync(path, 'utf8'));
        const called = withCalls(contents, found => places.set(found, [...(places.get(found) ?? []), name]));
        return { contents: called ?? contents, loader: 'ts' };
      });
      build.onEnd(() => {
        const problems = Object.keys(failpoints)
          .filter(name => !places.has(name))
          .map(name => `${name} is listed, and in no source`);
        for (const [name, files] of places) {
          if (!Object.hasOwn(failpoints, name)) problems.push(`${name} in ${files} is not listed`);
          if (files.length > 1) problems.push(`${name} is in several places: ${files}`);
        }
        return { errors: problems.map(text => ({ text: `Failpoint ${text}.` })) };
      });
    },
  };
}
