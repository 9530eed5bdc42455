package io.holdfast.simulation;

/** Things that a run must have seen to prove anything. */
enum Fact {
  /** A message never arrived. */
  MESSAGE_LOST,
  /** A message arrived twice. */
  MESSAGE_DUPLICATED,
  /** A message was held back for 0.1 to 4 s. */
  MESSAGE_DELAYED,
  /** What a client sent, or what was sent to it, was held back for up to 15 s and then arrived all at once. */
  LINK_STALLED,
  /** The leader's process was killed. */
  LEADER_CRASHED,
  /** The leader was cut off from the others, but not from its clients. */
  LEADER_ISOLATED,
  /** The leader stood still. */
  LEADER_PAUSED,
  /** A follower's process was killed. */
  FOLLOWER_CRASHED,
  /** All servers lost power at once. */
  POWER_LOST,
  /** Somebody became leader. */
  LEADER_ELECTED,
  /** A server came back from its snapshot and the log after it. */
  SERVER_RESTARTED,
  /** A proposal was lost with its leader. */
  PROPOSAL_LOST,
  /** A proposal outlived its leader, who never answered it. */
  PROPOSAL_OUTLIVED_ITS_LEADER,
  /** A leader that was none any more proposed something. */
  PROPOSAL_OF_DEPOSED_LEADER,
  /** A deposed leader was asked whether it had heard from a session, and could not say. */
  HEARTBEAT_UNANSWERED_BY_DEPOSED_LEADER,
  /** A heartbeat came too late: the end of its session was already proposed. */
  HEARTBEAT_DURING_EXPIRY,
  /** A session ended because nothing was heard of it. */
  SESSION_EXPIRED,
  /** A session was to expire, but had been heard of. */
  SESSION_RENEWED_IN_TIME,
  /** A session was closed by its client. */
  SESSION_CLOSED,
  /** A client stood still. */
  CLIENT_PAUSED,
  /** A client was killed. */
  CLIENT_KILLED,
  /** A client judged by its own clock that its lease was over. */
  LEASE_LAPSED,
  /** A request was granted. */
  GRANTED,
  /** A grant was for several targets. */
  GRANTED_TOGETHER,
  /** A grant was shared. */
  GRANTED_SHARED,
  /** A request had to wait. */
  QUEUED,
  /** A request that would not wait found its targets held. */
  BUSY,
  /** A request was sent again and told what had become of it. */
  RETRY_ANSWERED,
  /** A wait was cancelled. */
  CANCELLED,
  /** A wait was over before a grant came. */
  TIMED_OUT,
  /** A request was granted before its cancellation came: the cancellation gave it back. */
  CANCELLED_TOO_LATE,
  /** A client was told of a grant that it had given up, was giving back, or had given back. */
  GRANT_TOLD_TOO_LATE,
  /** A client learned from the answer to a heartbeat that it had been granted something. */
  GRANT_TOLD_BY_HEARTBEAT,
  /** A client learned from the answer to a heartbeat that it no longer held something. */
  LOSS_TOLD_BY_HEARTBEAT,
  /** A hold ended because its maxHold was over. */
  HOLD_EXPIRED,
  /** An operator took a hold away. */
  REVOKED,
  /** An operator named a token that was no longer held. */
  REVOKE_REFUSED,
  /** A resource took a write. */
  WRITE_ACCEPTED,
  /** A resource refused a write, for it had seen a higher token. */
  WRITE_FENCED,
}
