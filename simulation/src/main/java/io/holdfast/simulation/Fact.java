package io.holdfast.simulation;

/** Things that a run must have seen to prove anything. */
enum Fact {
  /** A message of no stream never arrived. */
  MESSAGE_LOST,
  /** A message of no stream arrived twice. */
  MESSAGE_DUPLICATED,
  /** A message was held back for 0.1 to 4 s. */
  MESSAGE_DELAYED,
  /** A stream broke with something under way. */
  STREAM_BROKEN,
  /** A stream broke, and its client could tell only by the silence. */
  STREAM_SILENT,
  /** A stream took 0.1 to 4 s to come about. */
  STREAM_LATE,
  /** A stream found no server. */
  STREAM_REFUSED,
  /** A client said several things in one message. */
  SAID_TOGETHER,
  /** A server told a client several things in one message. */
  TOLD_TOGETHER,
  /** A stream was not read for a while, for too much on it was unanswered. */
  STREAM_HELD_UP,
  /** A client came to a server that did not lead, or no longer. */
  SENT_AWAY,
  /** A session went on on another stream. */
  SESSION_RESUMED,
  /** Something was heard of a stream that its client had given up. */
  OLD_STREAM_HEARD,
  /** What a client sent, or what was sent to it, was held back for up to 15 s and then arrived all at once. */
  LINK_STALLED,
  /** The leader's process was killed. */
  LEADER_CRASHED,
  /** The leader was cut off from the others, but not from its clients. */
  LEADER_ISOLATED,
  /** The leader stood still. */
  LEADER_PAUSED,
  /** The leader made way for another, and did not know for some milliseconds. */
  LEADER_REPLACED,
  /** A follower's process was killed. */
  FOLLOWER_CRASHED,
  /** All servers lost power at once. */
  POWER_LOST,
  /** All servers were lost, and restored from copies of their disks. */
  RESTORED,
  /** Somebody became leader. */
  LEADER_ELECTED,
  /** A server came back from its snapshot and the log after it. */
  SERVER_RESTARTED,
  /** Several commands went into the log as one entry. */
  COMMITTED_TOGETHER,
  /** A proposal was lost with its leader. */
  PROPOSAL_LOST,
  /** A proposal outlived its leader, who never answered it. */
  PROPOSAL_OUTLIVED_ITS_LEADER,
  /** The engine could not tell a leader what became of a proposal, though it went on leading. */
  PROPOSAL_DROPPED,
  /** A leader that was none any more proposed something. */
  PROPOSAL_OF_DEPOSED_LEADER,
  /** A deposed leader was asked whether it had heard from a session, and could not say. */
  HEARTBEAT_UNANSWERED_BY_DEPOSED_LEADER,
  /** A session ended because nothing was heard of it. */
  SESSION_EXPIRED,
  /** A session ended though the leader changed all the time since its client had died. */
  SESSION_EXPIRED_UNDER_MANY_LEADERS,
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
  /** A client learned only by resuming that it had been granted something. */
  GRANT_TOLD_BY_RESUMING,
  /** A client learned only by resuming that it no longer held something. */
  LOSS_TOLD_BY_RESUMING,
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
