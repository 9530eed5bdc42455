package io.holdfast.table;

/** Why a command was not carried out. */
public enum Refusal {
  /** There is no such session: it ended, or never was. It is never made again silently. */
  UNKNOWN_SESSION,
  /** The request ended, its client has acknowledged that, and what became of it is forgotten. */
  FORGOTTEN_REQUEST,
  /** The session has too many ended requests that it has not acknowledged. */
  TOO_MANY_UNACKNOWLEDGED,
  /** The request holds nothing. */
  NOT_HOLDER,
  /** It is held under another token. */
  STALE_TOKEN,
  /** The session was heard of since. */
  RENEWED_SINCE,
  /** The hold has no time limit, or it is not over. */
  NOT_DUE
}
