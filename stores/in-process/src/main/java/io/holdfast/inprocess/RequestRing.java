package io.holdfast.inprocess;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The live requests, by number. Numbers rise and are given out here: each is the next one whose place in the ring is free,
 * so that finding a request is one look. The ring is at least half empty, and a place that is passed over is so once a
 * round, which makes both cheap.
 */
final class RequestRing {
  private @Nullable InProcessRequest[] places = new InProcessRequest[64];
  private long last;
  private int size;

  int size() {
    return size;
  }

  /** Gives the request its number, larger than all before. */
  void add(InProcessRequest request) {
    if (2 * ++size > places.length) {
      grow();
    }
    do {
      last++;
    } while (places[place(last)] != null);
    request.id = last;
    places[place(last)] = request;
  }

  @Nullable InProcessRequest find(long id) {
    InProcessRequest request = places[place(id)];
    return request != null && request.id == id ? request : null;
  }

  /** Takes out a request that is here. */
  void remove(InProcessRequest request) {
    places[place(request.id)] = null;
    size--;
  }

  private int place(long id) {
    return (int) id & (places.length - 1);
  }

  /** Two numbers with places of their own have so in a ring of twice the length. */
  private void grow() {
    @Nullable InProcessRequest[] old = places;
    places = Arrays.copyOf(old, 2 * old.length);
    Arrays.fill(places, null);
    for (InProcessRequest request : old) {
      if (request != null) {
        places[place(request.id)] = request;
      }
    }
  }
}
