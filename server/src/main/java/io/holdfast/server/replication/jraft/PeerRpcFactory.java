package io.holdfast.server.replication.jraft;

import com.alipay.sofa.jraft.rpc.RaftRpcFactory;
import com.alipay.sofa.jraft.rpc.RpcClient;
import com.alipay.sofa.jraft.rpc.RpcServer;
import com.alipay.sofa.jraft.util.Endpoint;
import com.alipay.sofa.jraft.util.SPI;
import org.jspecify.annotations.Nullable;

/**
 * Stands in for Bolt, the engine's own transport. Public, since the engine makes it by reflection.
 *
 * <p>Makes clients only. Servers are ours, and do not take up what the engine would register with one: see {@link PeerServer}.
 */
@SPI(name = "holdfast", priority = 1)
public final class PeerRpcFactory implements RaftRpcFactory {
  @Override
  public void registerProtobufSerializer(String className, Object... args) {
    // PeerKind says what is what.
  }

  @Override
  public RpcClient createRpcClient(@Nullable ConfigHelper<RpcClient> helper) {
    return new PeerClient();
  }

  @Override
  public RpcServer createRpcServer(Endpoint endpoint, @Nullable ConfigHelper<RpcServer> helper) {
    throw new UnsupportedOperationException("the engine does not listen; PeerServer does");
  }
}
