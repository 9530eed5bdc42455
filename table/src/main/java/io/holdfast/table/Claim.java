package io.holdfast.table;

import org.jspecify.annotations.Nullable;

/** One request's claim of one node, linked into the node's line of its mode and into its request. */
final class Claim {
  final Request request;
  final Node node;
  Mode mode;

  /** The next claim of the same request; the order among them means nothing. */
  final @Nullable Claim nextOfRequest;

  @Nullable Claim earlier;
  @Nullable Claim later;

  Claim(Request request, Node node, Mode mode) {
    this.request = request;
    this.node = node;
    this.mode = mode;
    this.nextOfRequest = request.claims;
    request.claims = this;
  }

  long arrival() {
    return request.arrival;
  }
}
