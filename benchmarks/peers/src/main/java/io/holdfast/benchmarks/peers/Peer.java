package io.holdfast.benchmarks.peers;

import java.util.concurrent.CompletableFuture;

/** A lock service under load, and the client library that its users have. Opened once, then used by all workers. */
interface Peer extends AutoCloseable {
  /** Makes a lock for one worker, outside the time that counts: with whatever identity the service wants a worker to have. */
  Lock lock(int worker, String name) throws Exception;

  @Override
  void close();

  /** One worker's lock. For one thread. */
  interface Lock {
    /**
     * Waits until it is held.
     *
     * @return the fencing token; 0 if the service has none
     */
    long acquire() throws Exception;

    void release() throws Exception;

    /**
     * Acquires and releases without a thread that waits.
     *
     * @return completes when both are done
     * @throws UnsupportedOperationException if the library has no such calls
     */
    default CompletableFuture<?> pairAsync() {
      throw new UnsupportedOperationException("its clients have only calls that block");
    }
  }

  /**
   * Opens one.
   *
   * @param kind {@code holdfast}, {@code etcd} or {@code zookeeper}
   * @param servers where: host:port, with commas between them
   */
  static Peer open(String kind, String servers) {
    return switch (kind) {
      case "holdfast" -> new HoldfastPeer(servers);
      case "etcd" -> new EtcdPeer(servers);
      case "zookeeper" -> new ZooKeeperPeer(servers);
      default -> throw new IllegalArgumentException("there is no peer " + kind);
    };
  }
}
