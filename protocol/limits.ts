/**
 * Every size cap of the platform, in bytes unless a name says otherwise. They stand in one place because both ends of a
 * hop have to agree: the sender checks before it sends, the receiver refuses what is larger.
 */
export const limits = {
  /** One REST body, other than a blob upload. */
  restBody: 16 * 1024 * 1024,
  /** One blob: a bundle, a source map, or a large argument or result. */
  blob: 64 * 1024 * 1024,
  /** One bundle's code. Above it the language server says how large each package is. */
  bundle: 24 * 1024 * 1024,
  /** A payload up to this size travels inside its message; a larger one is uploaded as a blob first. */
  inlinePayload: 64 * 1024,
  /** The arguments of one task, encoded. */
  args: 8 * 1024 * 1024,
  /** The result of one task, encoded. */
  result: 48 * 1024 * 1024,
  /** One WebSocket frame between broker and agent, or agent and manager. */
  frame: 16 * 1024 * 1024,
  /** Messages in one such frame (a number). */
  frameMessages: 4096,
  /** The JSON header of one message in a frame. */
  header: 256 * 1024,
  /** The tail of a task's output that stays in its record. */
  outputTail: 256 * 1024,
  /** The JSON Schema of a function's parameters, which is in every record of the function. */
  schema: 256 * 1024,
  /** Levels of nesting that JSON from outside may have (a number): what looks at it calls itself for each. */
  jsonDepth: 500,
  /** Levels of that schema, and of the causes of an error (numbers): deeper ones would exhaust a stack somewhere. */
  schemaDepth: 100,
  causes: 16,
  /** One output chunk. */
  outputChunk: 16 * 1024,
  /** Tasks in one submission (a number). */
  batch: 1024,
  /** Characters of an error message or a stack that are kept. */
  errorText: 16 * 1024,
} as const;

/** Messages of the binary protocol gather until there are this many, or for this long, then leave as one frame. */
export const flush = { messages: 256, ms: 2 } as const;
