import { readFileSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BrokerClient } from '../../client/client.ts';
import type { CallOptions } from '../../client/http.ts';
import type { RegisteredFunction, VersionDetails } from '../../protocol/client-broker/functions.ts';
import { RunaboutError } from '../../protocol/errors/error.ts';
import { type Bundle, Bundler } from './bundle/bundle.ts';
import { checkCaptures } from './marks/captures.ts';
import { findMarks, type Marks } from './marks/find.ts';
import type { Marked, MarkSettings } from './marks/marked.ts';
import { nearest, parseDuration } from './marks/settings.ts';
import { parseSource } from './marks/source.ts';
import { argumentsFromJson } from './parameters/arguments.ts';
import { Compiler } from './parameters/compiler.ts';
import { parametersOf } from './parameters/schema.ts';
import type { Schema } from './parameters/types.ts';

/** Everything that a push and a run of one function need. */
export interface PreparedFunction {
  bundle: Bundle;
  details: VersionDetails;
  /** JSON Schema of the argument array. */
  parameters: Schema;
  settings: MarkSettings;
}

/** The marks of a text with every check made, the scopes included. */
export function checkText(text: string, file: string): Marks {
  const source = parseSource(text, file);
  const marks = findMarks(source);
  for (const [marked, problems] of checkCaptures(source, marks)) addCaptures(marked, problems);
  return marks;
}

/** Adds what a function captures to its problems; naming it says more than that the function is nested. */
export function addCaptures(marked: Marked, captures: Marked['problems']): void {
  if (captures.some(({ code }) => code === 'captures')) {
    marked.problems = marked.problems.filter(({ code }) => code !== 'nested');
  }
  marked.problems.push(...captures);
}

/**
 * The function `name` of a file, as in `file.ts#name`; `default` is also the default export that has a name.
 * @throws RunaboutError `function-not-found` with what there is
 */
export function markedNamed(marks: Marks, name: string, file: string): Marked {
  const found = marks.functions.find(marked => marked.name === name);
  if (found) return found;
  const names = marks.functions.map(marked => marked.name);
  if (names.length === 0) {
    throw new RunaboutError('function-not-found', `${file} has no marked function.`, {
      hint: 'Mark one with the JSDoc tag @remote: /** @remote */',
    });
  }
  const near = nearest(name, names);
  throw new RunaboutError('function-not-found', `${file} has no marked function "${name}".`, {
    hint: near ? `Did you mean "${near}"?` : `Marked are ${names.join(', ')}.`,
  });
}

/**
 * Reads, checks and bundles a marked function of a saved file, and describes its parameters.
 * @throws RunaboutError `function-not-found`, `function-not-markable`, `bundle-failed`, `bundle-too-large`
 */
export async function prepareFunction(path: string, name: string): Promise<PreparedFunction> {
  const { file, text } = readSource(path);
  const marked = markedNamed(checkText(text, file), name, path);
  const bundler = new Bundler(1);
  try {
    const bundle = await bundler.bundle({ file, text, marked });
    const parameters = parametersOf(new Compiler().check(file, text), marked);
    return { bundle, parameters, details: versionDetails(bundle, marked, parameters), settings: marked.settings };
  } finally {
    await bundler.dispose();
  }
}

function readSource(path: string): { file: string; text: string } {
  try {
    const file = realpathSync(resolve(path));
    return { file, text: readFileSync(file, 'utf8').replace(/^\uFEFF/, '') };
  } catch (error) {
    throw new RunaboutError('function-not-found', `${path} cannot be read: ${(error as Error).message}.`);
  }
}

/** What the registry keeps of a version besides its code. */
export function versionDetails(bundle: Bundle, marked: Marked, parameters: Schema): VersionDetails {
  return {
    kind: bundle.kind,
    parameters,
    source: bundle.source,
    mapDigest: bundle.mapDigest,
    ...(marked.description ? { description: marked.description } : {}),
  };
}

/** Pushes a function: bundle and source map go up only when the broker lacks them, while the details are still made. */
export async function pushFunction(
  client: BrokerClient,
  { bundle, details }: { bundle: Bundle; details: VersionDetails | Promise<VersionDetails> },
  options?: CallOptions,
): Promise<RegisteredFunction> {
  const [known] = await Promise.all([
    details,
    client.uploadBundle(bundle.code, options),
    client.uploadBundle(bundle.map, options),
  ]);
  return await client.registerFunction({ name: bundle.registryName, digest: bundle.digest, details: known }, options);
}

/**
 * Arguments given as JSON values, as the function takes them: checked, with dates, maps and the like made real.
 * @throws RunaboutError `arguments-invalid` that names the parameter
 */
export function reviveArguments(
  { parameters }: Pick<PreparedFunction, 'parameters'>,
  args: readonly unknown[],
): unknown[] {
  return argumentsFromJson(args, parameters);
}

/**
 * Milliseconds of a time such as `30s` (ms, s, m, h).
 * @throws RunaboutError `request-invalid`
 */
export function parseTime(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new RunaboutError(
    'request-invalid',
    `"${text}" is not a time: a number with ms, s, m or h, up to 31 days (744h).`,
  );
}
