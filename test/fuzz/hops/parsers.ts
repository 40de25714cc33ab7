import * as fc from 'fast-check';
import type * as z from 'zod';
import { EventFrame } from '../../../protocol/client-broker/events.ts';
import { TaskOutput, TaskResult } from '../../../protocol/client-broker/tasks.ts';
import * as editorServer from '../../../protocol/editor-server/messages.ts';
import { Problem } from '../../../protocol/errors/error.ts';
import { damagedJson } from '../generators/damage.ts';
import { hostileValue, toJson } from '../generators/hostile.ts';
import { valid } from '../generators/schema.ts';
import type { Hop } from '../hop.ts';
import { must, Violation } from '../violation.ts';

/** What editor, language server and client read from others, as their code does: JSON, then a schema. */
const schemas: Record<string, z.ZodType> = {
  EventFrame,
  Problem,
  TaskOutput,
  TaskResult,
  ...Object.fromEntries(Object.entries(editorServer).filter(([, value]) => '_zod' in value)),
};

interface Input {
  of: string;
  text: string;
}

const input: fc.Arbitrary<Input> = fc.oneof(
  ...Object.entries(schemas).map(([of, schema]) =>
    fc.record({
      of: fc.constant(of),
      text: fc.oneof(
        { weight: 2, arbitrary: valid(schema).map(toJson) },
        { weight: 6, arbitrary: damagedJson(valid(schema)).map(toJson) },
        { weight: 1, arbitrary: hostileValue.map(toJson) },
      ),
    }),
  ),
);

/** The parsers of what an editor is told, in process. */
export function parsersHop(): Hop<Input> {
  return {
    name: 'parsers',
    share: 12,
    lanes: 1,
    input,
    count: () => 1,
    check({ of, text }) {
      const value: unknown = JSON.parse(text);
      try {
        const parsed = schemas[of]!.safeParse(value);
        must(({} as { admin?: unknown }).admin === undefined, 'A message changed the prototype of every object.');
        return parsed.success ? 'accepted' : 'refused';
      } catch (error) {
        if (error instanceof Violation) throw error;
        throw new Violation(`${of} throws instead of refusing: ${error}`, { cause: error });
      }
    },
  };
}
