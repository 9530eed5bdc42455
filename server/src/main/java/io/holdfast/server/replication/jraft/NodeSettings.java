package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.option.NodeOptions;

/** The engine's settings, with what our client needs: the engine hands them on to it. */
final class NodeSettings extends NodeOptions {
  private final PeerIdentity identity;

  NodeSettings(PeerIdentity identity) {
    this.identity = identity;
  }

  PeerIdentity identity() {
    return identity;
  }
}
