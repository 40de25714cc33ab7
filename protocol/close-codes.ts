/** Why a WebSocket was closed, beside the standard codes. */
export const closeCodes = {
  /** The other side stops in order: nothing is wrong. */
  bye: 4000,
  /** Another session drives this endpoint now. */
  superseded: 4001,
  /** The token is missing, wrong, of the wrong kind, or was revoked. */
  auth: 4003,
  /** A message that the protocol does not have. */
  protocol: 4008,
  /** The other side reads too slowly, or sends too much. */
  overload: 4013,
} as const;

/** A close reason has at most 123 bytes. */
const REASON_BYTES = 120;

/** Why a socket is closed, as far as a close frame holds it: printable ASCII, and not all of a long text. */
export function closeReason(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = typeof code === 'string' ? `${code}: ${message}` : `request-invalid: ${message ?? error}`;
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, REASON_BYTES);
}
