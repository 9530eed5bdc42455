package io.holdfast.server;

import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelFuture;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.ServerChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.nio.NioEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * The threads of the transport, which let in so many connections from one IP address and no more. One too many is closed as soon
 * as it is there, before anything is read from it. Thread-safe.
 */
final class ClientDoor implements AutoCloseable {
  /*
   * A connection comes in by being registered with the threads that are to serve it; so that is where it is counted. Whoever
   * accepted it closes it if that fails.
   */
  private static final int ACCEPTING_THREADS = 1;

  /** Netty's own number: twice that of the processors. */
  private static final int SERVING_THREADS = 0;

  private static final int MOST_CLOSE_SECONDS = 5;

  private final int mostPerAddress;
  private final Runnable turnedAway;
  private final ConcurrentHashMap<InetAddress, Integer> connections = new ConcurrentHashMap<>();
  private final EventLoopGroup accepting;
  private final EventLoopGroup serving;
  private final Class<? extends ServerChannel> channel;

  /**
   * Has threads, and does nothing yet.
   *
   * @param turnedAway told of each connection that is not let in; quick
   */
  ClientDoor(int mostPerAddress, Runnable turnedAway) {
    this.mostPerAddress = mostPerAddress;
    this.turnedAway = turnedAway;
    ThreadFactory accepters = new DefaultThreadFactory("holdfast-accept", true);
    ThreadFactory servers = new DefaultThreadFactory("holdfast-grpc", true);
    boolean epoll = Epoll.isAvailable();
    accepting =
        epoll
            ? new EpollEventLoopGroup(ACCEPTING_THREADS, accepters)
            : new NioEventLoopGroup(ACCEPTING_THREADS, accepters);
    serving =
        counting(
            epoll
                ? new EpollEventLoopGroup(SERVING_THREADS, servers)
                : new NioEventLoopGroup(SERVING_THREADS, servers));
    channel = epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
  }

  /** The same, but for connections that come in. Netty's classes are final, and the interface has thirty methods. */
  private EventLoopGroup counting(EventLoopGroup plain) {
    return (EventLoopGroup)
        Proxy.newProxyInstance(
            EventLoopGroup.class.getClassLoader(),
            new Class<?>[] {EventLoopGroup.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("register")
                  && arguments[0] instanceof Channel arriving
                  && !admits(arriving)) {
                return refused(arriving);
              }
              try {
                return method.invoke(plain, arguments);
              } catch (InvocationTargetException e) {
                throw Objects.requireNonNullElse(e.getCause(), e);
              }
            });
  }

  void guard(NettyServerBuilder grpc) {
    grpc.bossEventLoopGroup(accepting).workerEventLoopGroup(serving).channelType(channel);
  }

  private boolean admits(Channel arriving) {
    if (!(arriving.remoteAddress() instanceof InetSocketAddress from)
        || from.getAddress() == null) {
      return true; // it is gone again, and has no address any more
    }
    InetAddress address = from.getAddress();
    boolean[] isOneTooMany = new boolean[1];
    connections.compute(
        address,
        (same, count) -> {
          int open = count == null ? 0 : count;
          isOneTooMany[0] = open >= mostPerAddress;
          return isOneTooMany[0] ? open : Integer.valueOf(open + 1);
        });
    if (!isOneTooMany[0]) {
      arriving
          .closeFuture()
          .addListener(
              closed ->
                  connections.compute(
                      address, (same, count) -> count == null || count == 1 ? null : count - 1));
    }
    return !isOneTooMany[0];
  }

  private ChannelFuture refused(Channel arriving) {
    turnedAway.run();
    return arriving.newFailedFuture(new IllegalStateException("too many connections"));
  }

  /** Ends the threads, when they have done what they were given. Does not wait for that. */
  @Override
  public void close() {
    accepting.shutdownGracefully(0, MOST_CLOSE_SECONDS, TimeUnit.SECONDS);
    serving.shutdownGracefully(0, MOST_CLOSE_SECONDS, TimeUnit.SECONDS);
  }
}
