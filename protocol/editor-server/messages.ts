/**
 * What the language server has beyond standard LSP. The server works in any editor: it makes lenses, hovers,
 * diagnostics, code actions and completions, and runs functions by `workspace/executeCommand`. A client that can do more
 * (trees, decorations, a panel) says so in `initializationOptions` and takes the messages below.
 *
 * Names only, no LSP types: the extension and the server each wrap them in the types of their LSP library.
 */
import * as z from 'zod';
import { Time } from '../client-broker/common.ts';
import { FunctionKind } from '../client-broker/functions.ts';
import { Wait } from '../client-broker/tasks.ts';
import { TaskError } from '../tasks/error.ts';
import { taskStates } from '../tasks/states.ts';

/** `initializationOptions`. Without a token here, the server reads what `runabout login` stored. */
export const InitializationOptions = z.object({
  /** The client has the commands of {@link serverCommands} and {@link clientCommands} itself, so the server does not announce its own. */
  clientCommands: z.boolean().default(false),
  /** Where the server keeps remembered arguments and the chosen endpoint; absent: the user's state folder. */
  storagePath: z.string().optional(),
  connection: z.lazy(() => Connection).optional(),
  lenses: z.boolean().default(true),
});
export type InitializationOptions = z.input<typeof InitializationOptions>;

/** A broker and how to get in. */
export const Connection = z.object({ url: z.string(), token: z.string() });
export type Connection = z.infer<typeof Connection>;

/**
 * Commands of `workspace/executeCommand`, each with one object as its only argument.
 * A lens carries the same ids and arguments; in VS Code the extension's commands of these ids catch them, ask for what
 * is missing and pass the call on.
 */
export const serverCommands = {
  /** {@link RunArguments} → {@link RunReply}. Bundles, pushes when new, submits; resolves when the task is submitted. */
  run: 'runabout.run',
  /** {@link FunctionRef} → {@link PushReply} */
  push: 'runabout.push',
  /** `{task}` → null */
  cancel: 'runabout.cancel',
  /** {@link FunctionRef} → {@link ArgumentsReply}: what to ask the person for, and what they gave last time. */
  arguments: 'runabout.arguments',
  /** {@link ChooseEndpoint} → null: the endpoint that "run" uses where the mark names none. */
  chooseEndpoint: 'runabout.chooseEndpoint',
  /** `{task}` → null: opens the result. In an editor without a panel, a message with the value. */
  showResult: 'runabout.showResult',
  /** null → null: puts away the results that are shown now, in lenses, hovers and diagnostics; later runs show again. */
  clearResults: 'runabout.clearResults',
} as const;

/** Commands that only a client with a panel has: hovers link to them where the client runs links. */
export const clientCommands = {
  /** `{task}`: every change of its state, when and why. */
  showHistory: 'runabout.showHistory',
} as const;

/** A marked function in a document. `name` is as in `file.ts#name`: `mean`, `Stats.mean`, `default`. */
export const FunctionRef = z.object({ uri: z.string(), name: z.string() });
export type FunctionRef = z.infer<typeof FunctionRef>;

export const RunArguments = FunctionRef.extend({
  /** Id or name of an endpoint; absent: the mark's own, else the chosen one; else the person is asked. */
  endpoint: z.string().optional(),
  /** `true`: ask for an endpoint whatever is chosen. */
  pick: z.boolean().optional(),
  /** Arguments as JSON values. Absent: those of the last run; else none. */
  args: z.array(z.unknown()).optional(),
  /** Which `@example` call of the function to run, from 0: its arguments are taken. */
  example: z.number().int().nonnegative().optional(),
});
export type RunArguments = z.infer<typeof RunArguments>;

export const RunReply = z.object({ task: z.string(), endpoint: z.object({ id: z.string(), name: z.string() }) });
export type RunReply = z.infer<typeof RunReply>;

export const PushReply = z.object({
  function: z.string(),
  version: z.number().int(),
  digest: z.string(),
  created: z.boolean(),
});
export type PushReply = z.infer<typeof PushReply>;

export const ArgumentsReply = z.object({
  /** Whether the function takes any. */
  takesArguments: z.boolean(),
  /** JSON Schema of the argument array. */
  schema: z.record(z.string(), z.unknown()),
  /** JSON text with a value for every parameter, to be edited by a person: what they gave last time, else made from the schema. */
  template: z.string(),
  remembered: z.boolean(),
  /** The signature as written, for a title. */
  signature: z.string(),
});
export type ArgumentsReply = z.infer<typeof ArgumentsReply>;

export const ChooseEndpoint = z.object({ endpoint: z.object({ id: z.string(), name: z.string() }).nullable() });
export type ChooseEndpoint = z.infer<typeof ChooseEndpoint>;

export const Position = z.object({ line: z.number().int(), character: z.number().int() });
export const Range = z.object({ start: Position, end: Position });
export type Range = z.infer<typeof Range>;

/** The newest task of a function, as its line shows it. */
export const RunSummary = z.object({
  task: z.string(),
  state: z.enum(taskStates),
  endpoint: z.object({ id: z.string(), name: z.string() }),
  createdAt: Time,
  /** Of a task that ended: from its start to its end. */
  durationMs: z.number().optional(),
  /** One line of text: the value, the last line of output while it runs, or the error. */
  text: z.string(),
  /** The function has changed since. */
  stale: z.boolean(),
  wait: Wait.optional(),
  error: TaskError.optional(),
  /** Where the error belongs in this workspace, when the stack says: a document and a line from 0. */
  errorAt: z.object({ uri: z.string(), line: z.number().int() }).optional(),
});
export type RunSummary = z.infer<typeof RunSummary>;

/** `unknown`: not bundled or not connected yet. */
export const PushState = z.enum(['unknown', 'new', 'changed', 'pushed']);

export const MarkedFunction = z.object({
  name: z.string(),
  /** The name in the registry. */
  registryName: z.string(),
  kind: FunctionKind,
  /** The whole declaration, and the name in it. */
  range: Range,
  nameRange: Range,
  endpoint: z.string().optional(),
  /** The diagnostics say why when it is not. */
  runnable: z.boolean(),
  takesArguments: z.boolean(),
  examples: z.array(z.string()),
  pushState: PushState,
  version: z.number().int().optional(),
  run: RunSummary.optional(),
});
export type MarkedFunction = z.infer<typeof MarkedFunction>;

/** Methods of the custom messages. */
export const serverMethods = {
  /** Request, client → server: {@link Connection} or null (signed out) → null. Sent again when the token changes. */
  connect: 'runabout/connect',
  /** Request, client → server: `{uri}` → {@link DocumentState} */
  document: 'runabout/document',
  /** Notification, server → client: {@link DocumentState}, whenever anything in it has changed. */
  documentChanged: 'runabout/documentChanged',
  /** Notification, server → client: {@link ConnectionState} */
  connectionChanged: 'runabout/connectionChanged',
  /** Request, server → client: `{task}`: show this task in the panel (the client's answer to `runabout.showResult`). */
  showTask: 'runabout/showTask',
} as const;

export const DocumentState = z.object({
  uri: z.string(),
  version: z.number().int(),
  functions: z.array(MarkedFunction),
});
export type DocumentState = z.infer<typeof DocumentState>;

export const ConnectionState = z.object({
  state: z.enum(['none', 'connecting', 'connected', 'refused']),
  /** What is wrong and what to do, when something is. */
  problem: z.string().optional(),
});
export type ConnectionState = z.infer<typeof ConnectionState>;
