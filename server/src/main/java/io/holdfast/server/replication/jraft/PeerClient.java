package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.ReplicatorGroup;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.error.InvokeTimeoutException;
import com.alipay.sofa.jraft.error.RemotingException;
import com.alipay.sofa.jraft.option.RpcOptions;
import com.alipay.sofa.jraft.rpc.InvokeCallback;
import com.alipay.sofa.jraft.rpc.InvokeContext;
import com.alipay.sofa.jraft.rpc.RpcClient;
import com.alipay.sofa.jraft.rpc.RpcUtils;
import com.alipay.sofa.jraft.util.Endpoint;
import com.google.protobuf.Message;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** What the engine calls other servers with: a {@link PeerLink} to each. Thread-safe. */
final class PeerClient implements RpcClient {
  private final Map<Endpoint, PeerLink> links = new ConcurrentHashMap<>();
  private volatile @Nullable PeerIdentity identity;
  private volatile @Nullable ScheduledThreadPoolExecutor timer;
  private volatile @Nullable ReplicatorGroup replicators;
  private volatile boolean closed;

  @Override
  public boolean init(RpcOptions options) {
    PeerIdentity known = ((NodeSettings) options).identity();
    identity = known;
    ScheduledThreadPoolExecutor made =
        new ScheduledThreadPoolExecutor(
            1, new DaemonThreads("holdfast-peer-timeouts-" + known.self()));
    made.setRemoveOnCancelPolicy(true);
    timer = made;
    return true;
  }

  @Override
  public void shutdown() {
    closed = true;
    links.keySet().forEach(this::closeConnection);
    ScheduledThreadPoolExecutor known = timer;
    if (known != null) {
      known.shutdownNow();
    }
  }

  @Override
  public void registerConnectEventListener(ReplicatorGroup replicatorGroup) {
    replicators = replicatorGroup;
  }

  @Override
  public boolean checkConnection(Endpoint endpoint) {
    PeerLink link = links.get(endpoint);
    return link != null && link.isReady();
  }

  @Override
  public boolean checkConnection(Endpoint endpoint, boolean createIfAbsent) {
    if (!createIfAbsent) {
      return checkConnection(endpoint);
    }
    PeerLink link = link(endpoint);
    if (link == null) {
      return false;
    }
    link.meet();
    return link.mayCall();
  }

  @Override
  public void closeConnection(Endpoint endpoint) {
    PeerLink link = links.remove(endpoint);
    if (link != null) {
      link.close();
    }
  }

  @Override
  public Object invokeSync(
      Endpoint endpoint, Object request, @Nullable InvokeContext context, long timeoutMillis)
      throws InterruptedException, RemotingException {
    CompletableFuture<Object> answer = new CompletableFuture<>();
    invokeAsync(
        endpoint,
        request,
        context,
        (result, failure) -> {
          if (failure == null) {
            answer.complete(result);
          } else {
            answer.completeExceptionally(failure);
          }
        },
        timeoutMillis);
    try {
      return answer.get(timeoutMillis, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new InvokeTimeoutException(e);
    } catch (ExecutionException e) {
      throw new RemotingException(e.getCause());
    }
  }

  @Override
  public void invokeAsync(
      Endpoint endpoint,
      Object request,
      @Nullable InvokeContext context,
      InvokeCallback callback,
      long timeoutMillis)
      throws RemotingException {
    Question question =
        Question.ofRequest(request)
            .orElseThrow(
                () ->
                    new RemotingException(
                        "servers do not ask this of each other: "
                            + request.getClass().getSimpleName()));
    PeerLink link = link(endpoint);
    if (link == null || !link.mayCall()) {
      throw new RemotingException("no connection to " + endpoint);
    }
    link.call(question, (Message) request, callback, timeoutMillis);
  }

  private @Nullable PeerLink link(Endpoint endpoint) {
    PeerIdentity knownIdentity = identity;
    ScheduledThreadPoolExecutor knownTimer = timer;
    if (closed || knownIdentity == null || knownTimer == null) {
      return null;
    }
    PeerLink link =
        links.computeIfAbsent(
            endpoint,
            it ->
                new PeerLink(
                    new PeerAddress(it.getIp(), it.getPort()),
                    knownIdentity,
                    knownTimer,
                    () -> connected(it)));
    if (closed) {
      // Closed meanwhile, perhaps before the link was there to be seen.
      closeConnection(endpoint);
      return null;
    }
    return link;
  }

  /** A leader goes on with a follower that it had given up when it could not be reached. */
  private void connected(Endpoint endpoint) {
    ReplicatorGroup known = replicators;
    if (known != null) {
      RpcUtils.runInThread(
          () -> known.checkReplicator(new PeerId(endpoint.getIp(), endpoint.getPort()), true));
    }
  }
}
