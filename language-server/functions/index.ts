/**
 * The editor-free core: finds marked functions, checks them, bundles them, describes their parameters, pushes them. The
 * language server and the CLI share it. It knows nothing of LSP.
 */
export { type Bundle, type BundleRequest, Bundler } from './bundle/bundle.ts';
export type { Overlays } from './bundle/entry.ts';
export { BundleError, type BundleProblem, type Place } from './bundle/failure.ts';
export { functionAround } from './marks/around.ts';
export { checkCaptures, mayCapture } from './marks/captures.ts';
export { findMarks, type Marks, placeAt } from './marks/find.ts';
export {
  type Example,
  type Fix,
  isRunnable,
  type Marked,
  type MarkProblem,
  type MarkSettings,
} from './marks/marked.ts';
export { partsOf } from './marks/part.ts';
export { nearest, settingNames } from './marks/settings.ts';
export { parseSource, reparseSource, type Span, sourceExtensions } from './marks/source.ts';
export { argumentsFromJson } from './parameters/arguments.ts';
export { Compiler } from './parameters/compiler.ts';
export { jsonForm } from './parameters/json-form.ts';
export { parametersOf } from './parameters/schema.ts';
export { argumentsTemplate, formatArguments } from './parameters/template.ts';
export type { Schema } from './parameters/types.ts';
export {
  addCaptures,
  checkText,
  markedNamed,
  type PreparedFunction,
  parseTime,
  prepareFunction,
  pushFunction,
  reviveArguments,
  versionDetails,
} from './prepare.ts';
export { type Project, pathInProject, projectOf, registryName } from './project.ts';
