package io.holdfast.server.replication.jraft;

import io.holdfast.server.replication.ReplicatedMachine;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A machine whose state is the list of what it was told. */
class WrittenDown implements ReplicatedMachine {
  final List<String> applied = new CopyOnWriteArrayList<>();
  final List<Long> indexes = new CopyOnWriteArrayList<>();
  final List<Object> answered = new CopyOnWriteArrayList<>();
  final List<Object> droppedCertainly = new CopyOnWriteArrayList<>();
  final List<Object> droppedPerhaps = new CopyOnWriteArrayList<>();
  final List<Throwable> failures = new CopyOnWriteArrayList<>();

  /** Terms, and how many entries were applied when each began. */
  final List<long[]> led = new CopyOnWriteArrayList<>();

  volatile long leads;
  volatile Optional<String> leader = Optional.empty();
  final AtomicInteger restored = new AtomicInteger();

  @Override
  public void apply(long index, ByteBuffer entry, Object local) {
    byte[] bytes = new byte[entry.remaining()];
    entry.get(bytes);
    applied.add(new String(bytes, StandardCharsets.UTF_8));
    indexes.add(index);
    if (local != null) {
      answered.add(local);
    }
  }

  @Override
  public void leads(long term) {
    led.add(new long[] {term, applied.size()});
    leads = term;
  }

  @Override
  public void follows(Optional<String> known) {
    leads = 0;
    leader = known;
  }

  @Override
  public void dropped(Object local, boolean certainly) {
    (certainly ? droppedCertainly : droppedPerhaps).add(local);
  }

  int dropped() {
    return droppedCertainly.size() + droppedPerhaps.size();
  }

  @Override
  public SnapshotWriter freeze() {
    List<String> frozen = new ArrayList<>(applied);
    return out -> {
      DataOutputStream data = new DataOutputStream(out);
      data.writeInt(frozen.size());
      for (String entry : frozen) {
        data.writeUTF(entry);
      }
      data.flush();
    };
  }

  @Override
  public void restore(InputStream snapshot) throws IOException {
    DataInputStream data = new DataInputStream(snapshot);
    List<String> found = new ArrayList<>();
    for (int left = data.readInt(); left > 0; left--) {
      found.add(data.readUTF());
    }
    if (data.read() != -1) {
      throw new IOException("more than was written");
    }
    applied.clear();
    applied.addAll(found);
    restored.incrementAndGet();
  }

  @Override
  public void failed(Throwable cause) {
    failures.add(cause);
  }
}
