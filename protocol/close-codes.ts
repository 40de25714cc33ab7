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
