import { closeCodes } from '../../protocol/close-codes.ts';
import { Problem } from '../../protocol/errors/error.ts';
import { errorKinds, isErrorCode } from '../../protocol/errors/registry.ts';
import { must } from './violation.ts';
import { MARKER } from './world.ts';

/** What every answer over HTTP is, whatever was asked. */
export function checkAnswer(status: number, type: string | undefined, body: string, head = false): void {
  const shown = `${status} ${type} ${body.slice(0, 300)}`;
  must(!body.includes(MARKER), `An answer shows what belongs to somebody else: ${shown}`);
  if (status >= 200 && status < 300) return;
  must(status >= 400 && status < 500, `An answer is no 2xx and no 4xx: ${shown}`);
  if (head) return;
  must(/^application\/problem\+json/.test(type ?? ''), `A refusal is no problem document: ${shown}`);
  const problem = Problem.safeParse(tryJson(body));
  must(problem.success, `A refusal is no problem document: ${shown}`);
  const { code, status: said, detail } = problem.data!;
  must(
    isErrorCode(code) && errorKinds[code].status === status && said === status,
    `A code that is not this status's: ${shown}`,
  );
  must(detail.length > 0 && detail.length < 2_000, `A refusal does not say why: ${shown}`);
}

/** The standard's own codes for what is wrong below our messages: bad framing, no UTF-8, a message over its cap. */
const STANDARD: readonly number[] = [1002, 1007, 1009];

/** A socket was closed by our side: with a code of ours and a reason, or with one of the standard's. */
export function checkClose(code: number, reason: string): void {
  const shown = `closed with ${code} "${reason}"`;
  if (STANDARD.includes(code)) return;
  must((Object.values(closeCodes) as number[]).includes(code), `A socket was ${shown}: no code of ours.`);
  must(/^[\x20-\x7e]{3,123}$/.test(reason), `A socket was ${shown}: nobody can read why.`);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
