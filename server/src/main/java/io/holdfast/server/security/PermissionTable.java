package io.holdfast.server.security;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;

/**
 * What each method of the server needs to be permitted. What stands in no row is forbidden, and a server with a method that
 * stands in no row does not start. Immutable, thread-safe.
 */
public final class PermissionTable {
  private static final String LOCKS = "holdfast.v1.Locks/";
  private static final String CLUSTER = "holdfast.v1.Cluster/";
  private static final String HEALTH = "grpc.health.v1.Health/";

  private static final Rule READ = new Rule.InNamespace(Action.READ);
  private static final Rule ACQUIRE = new Rule.InNamespace(Action.ACQUIRE);
  private static final Rule ADMIN = new Rule.InNamespace(Action.ADMIN);
  private static final Rule OPERATE = new Rule.InEveryNamespace(Action.ADMIN);
  private static final Rule OPEN = new Rule.Open();

  private static final Map<String, Rule> RULES =
      Map.ofEntries(
          Map.entry(LOCKS + "Session", new Rule.AskedByTheService()),
          Map.entry(LOCKS + "CreateLock", ACQUIRE),
          Map.entry(LOCKS + "AcquireLock", ACQUIRE),
          Map.entry(LOCKS + "ReleaseLock", ACQUIRE),
          Map.entry(LOCKS + "ForceReleaseLock", ADMIN),
          Map.entry(LOCKS + "DescribeLock", READ),
          Map.entry(LOCKS + "CreateRWLock", ACQUIRE),
          Map.entry(LOCKS + "AcquireRWLock", ACQUIRE),
          Map.entry(LOCKS + "ReleaseRWLock", ACQUIRE),
          Map.entry(LOCKS + "DescribeRWLock", READ),
          Map.entry(LOCKS + "ListLocks", READ),
          Map.entry(LOCKS + "WatchLocks", READ),
          Map.entry(CLUSTER + "Status", OPERATE),
          Map.entry(CLUSTER + "AddMember", OPERATE),
          Map.entry(CLUSTER + "RemoveMember", OPERATE),
          Map.entry(CLUSTER + "TransferLeadership", OPERATE),
          Map.entry(CLUSTER + "TakeSnapshot", OPERATE),
          Map.entry(HEALTH + "Check", OPEN),
          Map.entry(HEALTH + "List", OPEN),
          Map.entry(HEALTH + "Watch", OPEN));

  private PermissionTable() {}

  /** What a method needs. */
  sealed interface Rule {
    /** Nothing, not even a credential. */
    record Open() implements Rule {}

    /** An action in the namespace that the request names in its field {@code namespace}. */
    record InNamespace(Action action) implements Rule {}

    /** An action in all namespaces. */
    record InEveryNamespace(Action action) implements Rule {}

    /** A credential; the service itself asks for more, message by message. */
    record AskedByTheService() implements Rule {}
  }

  /** A method's row, if it has one. */
  static Optional<Rule> rule(String fullMethodName) {
    return Optional.ofNullable(RULES.get(fullMethodName));
  }

  /**
   * Looks for a row for each method of a server before it starts.
   *
   * @throws ConfigurationException if one has none, or its row asks for a namespace that its request has not
   */
  public static void verifyComplete(Collection<ServerServiceDefinition> services) {
    for (ServerServiceDefinition service : services) {
      for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
        MethodDescriptor<?, ?> descriptor = method.getMethodDescriptor();
        String name = descriptor.getFullMethodName();
        Rule rule = RULES.get(name);
        if (rule == null) {
          throw new ConfigurationException("method " + name + " has no permission rule");
        }
        if (rule instanceof Rule.InNamespace && !namesANamespace(descriptor)) {
          throw new ConfigurationException(
              "method " + name + " has no field namespace to ask about");
        }
      }
    }
  }

  /** The namespace that a request names; empty if it has no such field. */
  static Optional<String> namespace(Object request) {
    return request instanceof Message message
        ? namespaceOf(message.getDescriptorForType()).map(field -> (String) message.getField(field))
        : Optional.empty();
  }

  private static Optional<FieldDescriptor> namespaceOf(Descriptor request) {
    return Optional.ofNullable(request.findFieldByName("namespace"))
        .filter(field -> field.getJavaType() == FieldDescriptor.JavaType.STRING)
        .filter(field -> !field.isRepeated());
  }

  private static boolean namesANamespace(MethodDescriptor<?, ?> method) {
    return method.getType().clientSendsOneMessage()
        && method.getSchemaDescriptor() instanceof ProtoMethodDescriptorSupplier schema
        && namespaceOf(schema.getMethodDescriptor().getInputType()).isPresent();
  }
}
