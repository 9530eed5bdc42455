package io.holdfast.table;

import org.jspecify.annotations.Nullable;

/** Finds a live request by its session and its number. A hash table whose entries are the requests themselves. */
final class RequestIndex {
  private static final int LEAST_BUCKETS = 64;

  private @Nullable Request[] buckets = new Request[LEAST_BUCKETS];
  private int size;

  int size() {
    return size;
  }

  @Nullable Request find(long session, long id) {
    for (Request each = buckets[bucket(session, id)]; each != null; each = each.nextInBucket) {
      if (each.id == id && each.session.id == session) {
        return each;
      }
    }
    return null;
  }

  void add(Request request) {
    link(request);
    if (++size > buckets.length) {
      resize(buckets.length * 2);
    }
  }

  void remove(Request request) {
    int bucket = bucket(request.session.id, request.id);
    Request before = buckets[bucket];
    if (before == request) {
      buckets[bucket] = request.nextInBucket;
    } else {
      while (before != null && before.nextInBucket != request) {
        before = before.nextInBucket;
      }
      if (before == null) {
        throw new IllegalStateException("not in the index: " + request.view());
      }
      before.nextInBucket = request.nextInBucket;
    }
    if (--size < buckets.length / 8 && buckets.length > LEAST_BUCKETS) {
      resize(buckets.length / 4);
    }
  }

  private void resize(int length) {
    @Nullable Request[] old = buckets;
    buckets = new Request[length];
    for (Request bucket : old) {
      Request next;
      for (Request each = bucket; each != null; each = next) {
        next = each.nextInBucket;
        link(each);
      }
    }
  }

  private void link(Request request) {
    int bucket = bucket(request.session.id, request.id);
    request.nextInBucket = buckets[bucket];
    buckets[bucket] = request;
  }

  private int bucket(long session, long id) {
    long mixed = (session * 31 + id) * 0x9E3779B97F4A7C15L;
    return (int) (mixed >>> 40) & (buckets.length - 1);
  }
}
