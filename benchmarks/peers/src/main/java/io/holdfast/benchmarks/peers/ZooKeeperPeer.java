package io.holdfast.benchmarks.peers;

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

/** Curator's mutex. The workers share four ZooKeeper sessions: with one it is slower. */
final class ZooKeeperPeer implements Peer {
  private final CuratorFramework[] sessions = new CuratorFramework[4];

  ZooKeeperPeer(String servers) {
    for (int i = 0; i < sessions.length; i++) {
      sessions[i] =
          CuratorFrameworkFactory.newClient(
              servers, 30_000, 10_000, new ExponentialBackoffRetry(100, 5));
      sessions[i].start();
    }
  }

  @Override
  public Lock lock(int worker, String name) {
    InterProcessMutex mutex = new InterProcessMutex(sessions[worker % sessions.length], "/" + name);
    return new Lock() {
      @Override
      public long acquire() throws Exception {
        mutex.acquire();
        return 0;
      }

      @Override
      public void release() throws Exception {
        mutex.release();
      }
    };
  }

  @Override
  public void close() {
    for (CuratorFramework session : sessions) {
      session.close();
    }
  }
}
