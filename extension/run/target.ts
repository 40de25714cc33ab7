import type { FunctionRecord } from '../../protocol/client-broker/functions.ts';

/** What to run: a marked function in a document, or one that is only known from the registry. */
export type RunTarget =
  | { kind: 'source'; uri: string; name: string }
  | { kind: 'registered'; id: string; name: string };

export interface RunRequest {
  target: RunTarget;
  /** Id or name; absent: the mark's own, else the chosen one. */
  endpoint?: string | undefined;
  /** Ask for an endpoint whatever is chosen. */
  pick?: boolean | undefined;
  /** Absent: the person is asked when the function takes any. */
  args?: unknown[] | undefined;
  /** Which `@example` call gives the arguments. */
  example?: number | undefined;
  /** The arguments of the last run, as the language server remembers them. */
  again?: boolean | undefined;
}

export const registered = ({ id, name }: Pick<FunctionRecord, 'id' | 'name'>): RunTarget => ({
  kind: 'registered',
  id,
  name,
});
