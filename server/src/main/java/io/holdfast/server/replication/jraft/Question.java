package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.rpc.RpcRequests;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import io.holdfast.protocol.internal.v1.PeerKind;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What servers ask each other, and what the answer is.
 *
 * <p>Read index is missing with intent: a follower would pass it on to the leader, and an answer would then say that somebody
 * leads, not that this server does.
 */
record Question(
    PeerKind kind, Parser<? extends Message> request, Parser<? extends Message> response) {
  private static final Map<PeerKind, Question> BY_KIND = new EnumMap<>(PeerKind.class);
  private static final Map<Class<?>, Question> BY_REQUEST = new HashMap<>();

  static {
    add(
        PeerKind.PEER_KIND_PING,
        RpcRequests.PingRequest.getDefaultInstance(),
        RpcRequests.ErrorResponse.getDefaultInstance());
    add(
        PeerKind.PEER_KIND_APPEND_ENTRIES,
        RpcRequests.AppendEntriesRequest.getDefaultInstance(),
        RpcRequests.AppendEntriesResponse.getDefaultInstance());
    add(
        PeerKind.PEER_KIND_REQUEST_VOTE,
        RpcRequests.RequestVoteRequest.getDefaultInstance(),
        RpcRequests.RequestVoteResponse.getDefaultInstance());
    add(
        PeerKind.PEER_KIND_TIMEOUT_NOW,
        RpcRequests.TimeoutNowRequest.getDefaultInstance(),
        RpcRequests.TimeoutNowResponse.getDefaultInstance());
    add(
        PeerKind.PEER_KIND_INSTALL_SNAPSHOT,
        RpcRequests.InstallSnapshotRequest.getDefaultInstance(),
        RpcRequests.InstallSnapshotResponse.getDefaultInstance());
    add(
        PeerKind.PEER_KIND_GET_FILE,
        RpcRequests.GetFileRequest.getDefaultInstance(),
        RpcRequests.GetFileResponse.getDefaultInstance());
  }

  private static void add(PeerKind kind, Message request, Message response) {
    Question question = new Question(kind, request.getParserForType(), response.getParserForType());
    BY_KIND.put(kind, question);
    BY_REQUEST.put(request.getClass(), question);
  }

  static Optional<Question> of(PeerKind kind) {
    return Optional.ofNullable(BY_KIND.get(kind));
  }

  static Optional<Question> ofRequest(Object request) {
    return Optional.ofNullable(BY_REQUEST.get(request.getClass()));
  }
}
