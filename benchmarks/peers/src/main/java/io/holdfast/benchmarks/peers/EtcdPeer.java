package io.holdfast.benchmarks.peers;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.lease.LeaseKeepAliveResponse;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** etcd's own lock service through jetcd: each worker has a lease, kept alive, as the service asks for. */
final class EtcdPeer implements Peer {
  private static final long LEASE_SECONDS = 30;
  private static final long PATIENCE_SECONDS = 60;

  private final Client client;

  EtcdPeer(String servers) {
    this.client =
        Client.builder()
            .endpoints(
                Arrays.stream(servers.split(",", -1))
                    .map(server -> "http://" + server)
                    .toArray(String[]::new))
            .build();
  }

  @Override
  public Lock lock(int worker, String name) throws Exception {
    long lease =
        client
            .getLeaseClient()
            .grant(LEASE_SECONDS)
            .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
            .getID();
    client.getLeaseClient().keepAlive(lease, new Unheard());
    ByteSequence bytes = ByteSequence.from(name, StandardCharsets.UTF_8);
    return new Lock() {
      private @Nullable ByteSequence held;

      @Override
      public long acquire() throws Exception {
        held =
            client
                .getLockClient()
                .lock(bytes, lease)
                .get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .getKey();
        return 0; // its users would read the key's create revision, one more request
      }

      @Override
      public void release() throws Exception {
        if (held != null) {
          client.getLockClient().unlock(held).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
      }

      @Override
      public CompletableFuture<?> pairAsync() {
        return client
            .getLockClient()
            .lock(bytes, lease)
            .thenCompose(held -> client.getLockClient().unlock(held.getKey()));
      }
    };
  }

  @Override
  public void close() {
    client.close();
  }

  private static final class Unheard implements StreamObserver<LeaseKeepAliveResponse> {
    @Override
    public void onNext(LeaseKeepAliveResponse response) {}

    @Override
    public void onError(Throwable failure) {}

    @Override
    public void onCompleted() {}
  }
}
