package io.holdfast.remote;

import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.holdfast.InvalidRequestException;
import io.holdfast.LockRefusedException;
import io.holdfast.StoreUnavailableException;
import io.holdfast.protocol.v1.AddMemberRequest;
import io.holdfast.protocol.v1.ClusterGrpc;
import io.holdfast.protocol.v1.Error;
import io.holdfast.protocol.v1.Member;
import io.holdfast.protocol.v1.RemoveMemberRequest;
import io.holdfast.protocol.v1.StatusRequest;
import io.holdfast.protocol.v1.StatusResponse;
import io.holdfast.protocol.v1.TakeSnapshotRequest;
import io.holdfast.protocol.v1.TransferLeadershipRequest;
import io.holdfast.remote.internal.ErrorCode;
import io.holdfast.spi.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The lock servers themselves, for operators: who they are, who leads, who joins and who leaves. Needs the permission {@code
 * admin} in all namespaces. Blocks; thread-safe.
 *
 * <p>What only a leader can do waits some seconds for an election to end, and is asked again then: if an answer was lost, the second
 * one may be that there is nothing to do. It takes two minutes at most. A server that hangs is left after some seconds, and the next
 * one asked. What it asks fails with {@link StoreUnavailableException} if no server answers, with {@link
 * LockRefusedException} if it may not be done or cannot, and with {@link InvalidRequestException} if it means nothing.
 */
public final class ClusterClient {
  /** What a server tells of itself is told within this, or not at all. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  /** A new member has to catch up first. From the first question to the last answer. */
  private static final Duration PATIENCE_FOR_CHANGES = Duration.ofMinutes(2);

  /** So many servers are asked in search of the leader, each time. */
  private static final int MOST_ASKED = 16;

  /** When nobody led, as in the middle of an election, the leader is looked for again after this. */
  private static final Duration LOOK_AGAIN_AFTER = Duration.ofMillis(200);

  /** An election is over within this, or there is none that can be won. */
  private static final Duration PATIENCE_FOR_ELECTIONS = Duration.ofSeconds(10);

  /**
   * What one server says of itself.
   *
   * @param address where it was asked
   * @param self its name
   * @param members the names of all that vote, as it knows them
   * @param leader the name of the one that leads, as far as it knows
   * @param appliedIndex how far its state has come
   * @param snapshotIndex the last entry in its latest snapshot
   * @param stateHash of its state: equal on all servers at an equal index; 0 if it changes too fast to tell
   */
  public record ServerStatus(
      String address,
      String self,
      List<String> members,
      Optional<String> leader,
      long term,
      long committedIndex,
      long appliedIndex,
      long snapshotIndex,
      long stateHash,
      String version) {
    /** Copies the list. */
    public ServerStatus {
      members = List.copyOf(members);
    }
  }

  private final ServerUrl url;
  private final Access access;
  private final Duration patience;
  private final Duration patienceForChanges;
  private final Ticker ticker = Ticker.system();

  ClusterClient(ServerUrl url, Duration patience, Duration patienceForChanges) {
    this.url = url;
    this.access = Access.of(url);
    this.patience = patience;
    this.patienceForChanges = patienceForChanges;
  }

  /**
   * The servers of a URL. Nobody is asked yet.
   *
   * @param url as for {@link RemoteProvider}
   * @throws InvalidRequestException if it is not one of ours, naming the part at fault
   */
  public static ClusterClient of(String url) {
    return new ClusterClient(ServerUrl.parse(url), PATIENCE, PATIENCE_FOR_CHANGES);
  }

  /** The addresses in the URL, host:port each. */
  public List<String> addresses() {
    return url.servers();
  }

  /** What the server at an address says of itself. */
  public ServerStatus status(String address) {
    StatusResponse said = askStatus(address, patience);
    return new ServerStatus(
        address,
        said.getSelf().getId(),
        ids(said.getMembersList()),
        Optional.of(said.getLeader()).filter(leader -> !leader.isEmpty()),
        said.getTerm(),
        said.getCommittedIndex(),
        said.getAppliedIndex(),
        said.getSnapshotIndex(),
        said.getStateHash(),
        said.getVersion());
  }

  /** Adds a server that waits to be added; returns when it has caught up and votes, with the names of all members. */
  public List<String> add(String server) {
    AddMemberRequest request = AddMemberRequest.newBuilder().setId(server).build();
    return ids(askLeader(stub -> stub.addMember(request)).getMembersList());
  }

  /** Removes a server; returns the names of the members that are left. */
  public List<String> remove(String server) {
    RemoveMemberRequest request = RemoveMemberRequest.newBuilder().setId(server).build();
    return ids(askLeader(stub -> stub.removeMember(request)).getMembersList());
  }

  /**
   * Makes another server the leader.
   *
   * @param server its name; empty for whichever has come farthest
   */
  public void transfer(Optional<String> server) {
    TransferLeadershipRequest request =
        TransferLeadershipRequest.newBuilder().setId(server.orElse("")).build();
    askLeader(stub -> stub.transferLeadership(request));
  }

  /** Makes the server at an address write a snapshot; returns the index of the last entry in it. */
  public long snapshot(String address) {
    return ask(
            address,
            patienceForChanges,
            stub -> stub.takeSnapshot(TakeSnapshotRequest.getDefaultInstance()))
        .getIndex();
  }

  private <A> A askLeader(Function<ClusterGrpc.ClusterBlockingStub, A> question) {
    long end = ticker.nanosIn(patienceForChanges);
    long electionsEnd = ticker.nanosIn(PATIENCE_FOR_ELECTIONS);
    while (true) {
      Deque<String> toAsk = new ArrayDeque<>(url.servers());
      Set<String> asked = new LinkedHashSet<>();
      @Nullable StoreUnavailableException last = null;
      boolean isElecting = false;
      while (!toAsk.isEmpty() && asked.size() < MOST_ASKED) {
        String address = toAsk.remove();
        if (asked.add(address)) {
          try {
            Duration left = Duration.ofNanos(end - ticker.nanos());
            // One that hangs must not have all the time that there is.
            StatusResponse unused =
                askStatus(address, left.compareTo(patience) < 0 ? left : patience);
            return ask(address, Duration.ofNanos(end - ticker.nanos()), question);
          } catch (StoreUnavailableException e) {
            if (ticker.nanos() - end >= 0) {
              throw e;
            }
            last = e;
            isElecting |= isOfOneThatDoesNotLead(e);
            hint(e).ifPresent(toAsk::addFirst);
          }
        }
      }
      if (last == null) {
        throw new IllegalStateException("a URL names at least one server");
      }
      if (!isElecting || ticker.nanos() - electionsEnd >= 0) {
        throw last;
      }
      try {
        CountDownLatch awhile = new CountDownLatch(1);
        ticker.schedule(ticker.nanosIn(LOOK_AGAIN_AFTER), awhile::countDown);
        awhile.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw last;
      }
    }
  }

  private StatusResponse askStatus(String address, Duration within) {
    return ask(address, within, stub -> stub.status(StatusRequest.getDefaultInstance()));
  }

  private <A> A ask(
      String address, Duration patience, Function<ClusterGrpc.ClusterBlockingStub, A> question) {
    ManagedChannel channel = access.channel(address).build();
    try {
      Metadata headers = access.headers();
      return question.apply(
          ClusterGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
              .withDeadlineAfter(patience.toNanos(), TimeUnit.NANOSECONDS));
    } catch (StatusRuntimeException e) {
      throw failure(address, e);
    } catch (IOException e) {
      throw new InvalidRequestException(
          "URL_TOKEN_FILE_UNREADABLE", String.valueOf(e.getMessage()));
    } finally {
      channel.shutdownNow();
    }
  }

  private RuntimeException failure(String address, StatusRuntimeException e) {
    Error error = access.error(e.getStatus(), trailers(e));
    String line = address + ": " + error.getMessage();
    if (!ErrorCode.isVerdict(error)) {
      return new StoreUnavailableException(line, e);
    }
    return Failures.of(error.toBuilder().setMessage(line).build());
  }

  private Optional<String> hint(StoreUnavailableException e) {
    return e.getCause() instanceof StatusRuntimeException said
        ? Optional.of(access.leader(trailers(said))).filter(leader -> !leader.isEmpty())
        : Optional.empty();
  }

  private static boolean isOfOneThatDoesNotLead(StoreUnavailableException e) {
    return e.getCause() instanceof StatusRuntimeException said
        && "NOT_LEADER".equals(trailers(said).get(Access.REASON));
  }

  private static Metadata trailers(StatusRuntimeException e) {
    Metadata trailers = e.getTrailers();
    return trailers == null ? new Metadata() : trailers;
  }

  private static List<String> ids(List<Member> members) {
    return members.stream().map(Member::getId).toList();
  }
}
