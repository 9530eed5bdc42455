package io.holdfast.simulation;

import static io.holdfast.simulation.Mutant.ofClient;
import static io.holdfast.simulation.Mutant.ofEngine;
import static io.holdfast.simulation.Mutant.ofServer;
import static io.holdfast.simulation.Mutant.ofSimulation;
import static io.holdfast.simulation.Mutant.ofTable;

import java.util.List;

/** Bugs that others have had, or that one could easily make here. Each must be found. */
final class Mutants {
  private Mutants() {}

  static List<Mutant> all() {
    return List.of(
        ofTable(
            "a retry is a second acquire",
            "LockTable",
            "if (known != null) { events.add(known); return; }",
            ""),
        ofTable(
            "release does not look at the token (etcd#22082)",
            "LockTable",
            "if (request != null && request.token == release.token()) {",
            "if (request != null && request.isGranted()) {"),
        ofTable(
            "cancelling does not wake those behind (T2)",
            "LockTable",
            "if (!unblocked.isEmpty()) { grantUnblocked(events); }",
            "if (command instanceof Command.Cancel) { unblocked.clear(); }"
                + "if (!unblocked.isEmpty()) { grantUnblocked(events); }"),
        ofTable(
            "the last in the line comes first",
            "LockTable",
            "unblocked.sort(Comparator.comparingLong(request -> request.arrival));",
            "unblocked.sort(Comparator.comparingLong(request -> -request.arrival));"),
        ofTable(
            "a newcomer passes those who wait",
            "LockTable",
            "if (request.blockedClaims == 0) { events.add(grant(request)); }",
            "if (request.blockedClaims == 0 || holdersInTheWay(request, 1).isEmpty()) {"
                + " events.add(grant(request)); }"),
        ofTable(
            "a reader passes a waiting writer",
            "LockTable",
            "if (request.blockedClaims == 0) { events.add(grant(request)); }",
            "if (request.blockedClaims == 0"
                + " || (request.targets.stream().allMatch(t -> t.mode() == LockMode.SHARED)"
                + " && holdersInTheWay(request, 1).isEmpty())) { events.add(grant(request)); }"),
        ofTable(
            "only the first of those who could go is woken",
            "Node",
            "claim = claim.later; } line.firstBlocked = claim;",
            "claim = claim.later; break; } line.firstBlocked = claim;"),
        ofTable(
            "who leaves the middle of the line is still waited for (redisson#2883)",
            "Node",
            "if (line.firstBlocked == claim) { line.firstBlocked = claim.later; }",
            ""),
        ofTable(
            "reading a node and writing below it counts as reading it (T1)",
            "Mode",
            "if (mode.claims == (claims | other.claims)) {",
            "if (mode.claims == Math.max(claims, other.claims)) {"),
        ofTable(
            "writing below a node is not announced on the root",
            "LockTable",
            "draft(request, node, shared ? Mode.IS : Mode.IX);",
            "if (depth > 0) { draft(request, node, shared ? Mode.IS : Mode.IX); }"),
        ofTable(
            "who writes below keeps out all others who write below",
            "Mode",
            "return ((claims | other.claims) & WRITES_ALL) != 0",
            "return (claims & other.claims & WRITES_SOMETHING) != 0"
                + " || ((claims | other.claims) & WRITES_ALL) != 0"),
        ofTable(
            "the end of a session forgets those of it that wait (etcd#11456)",
            "LockTable",
            "request != null; request = request.laterOfSession) { events.add( request.isGranted()",
            "request != null; request = request.laterOfSession) {"
                + " if (!request.isGranted()) { continue; } events.add( request.isGranted()"),
        ofTable(
            "a session expires though it was renewed (etcd#15247)",
            "LockTable",
            "session.renewals != expire.seenRenewals()",
            "session.renewals < expire.seenRenewals()"),
        ofTable(
            "a cancellation that overtakes its request is forgotten",
            "LockTable",
            "remember(session, cancel.request(), cancelled);",
            ""),
        ofTable(
            "what was acknowledged includes the request itself",
            "LockTable",
            "acknowledge(session, acquire.acknowledged());",
            "acknowledge(session, acquire.request());"),
        ofTable(
            "a hold ends before its maxHold is over",
            "LockTable",
            "} else if (request.until > now) {",
            "} else if (request.until == Command.FOREVER) {"),
        ofTable(
            "an operator takes away whatever is held, under any token",
            "LockTable",
            "if (request.token == revoke.token()) {",
            "if (request.isGranted()) {"),
        ofTable(
            "tokens start again after a restart (a .NET library's F1)",
            "Snapshot",
            "out.writeLong(table.lastToken);",
            "out.writeLong(0);"),
        ofTable(
            "arrivals are counted anew after a restart",
            "Snapshot",
            "out.writeLong(table.lastArrival);",
            "out.writeLong(0);"),
        ofTable(
            "answers to retries do not survive a restart",
            "Snapshot",
            "out.writeInt(session.remembered().size());"
                + " for (Map.Entry<Long, Event> ended : session.remembered().entrySet()) {",
            "out.writeInt(0);"
                + " for (Map.Entry<Long, Event> ended : Map.<Long, Event>of().entrySet()) {"),
        ofTable(
            "the end of maxHold does not survive a restart",
            "Snapshot",
            "request.until = until;",
            ""),
        ofTable(
            "a snapshot forgets whose a session is",
            "Snapshot",
            "out.writeLong(session.terms.nonceHigh());",
            "out.writeLong(0);"),
        ofServer(
            "a new leader counts on from half a lease",
            "Leadership",
            "expect(desk, terms.leaseNanos() - silent, NOTED_EACH);",
            "expect(desk, (terms.leaseNanos() - silent) / 2, NOTED_EACH);"),
        ofServer(
            "each new leader gives the silent a full lease (etcd#20273)",
            "Leadership",
            "expect(desk, terms.leaseNanos() - silent, NOTED_EACH);",
            "expect(desk, terms.leaseNanos(), NOTED_EACH);"),
        ofServer(
            "who was noted as silent is answered without the log",
            "Leadership",
            "} else if (desk.isNoted) {",
            "} else if (desk.isNoted && desk.expiring) {"),
        ofServer(
            "a silence counts though the session was heard of since",
            "Namespaces",
            "orElse(-1) == silence.seenRenewals();",
            "orElse(-1) >= silence.seenRenewals();"),
        ofServer(
            "a deposed leader answers heartbeats",
            "Leadership",
            "if (leads) { read.yes.run(); } else {",
            "if (leads || !over) { read.yes.run(); } else {"),
        ofServer(
            "sessions expire 5 % early",
            "Leadership",
            "? Command.FOREVER : elapsed + nanos;",
            "? Command.FOREVER : elapsed + nanos * 95 / 100;"),
        ofServer(
            "what comes late from an older stream takes the session back there",
            "Connection",
            "&& resume.getHeartbeat() >= desk.resumedBy",
            ""),
        ofServer(
            "who was restored from a copy counts on from there",
            "Leadership",
            "restored.ifPresent(first -> queue.add(new Pending(first, 0, null)));",
            ""),
        ofServer(
            "a resumed session is not told what has ended",
            "Leadership",
            "if (live == null) { ended.add(request); } else if (live.granted()) {",
            "if (live != null && live.granted()) {"),
        ofSimulation(
            "an entry is applied twice after a restart",
            "LockServer",
            "applied = snapshotIndex; catchUp();",
            "applied = Math.max(0, snapshotIndex - 1); catchUp();"),
        ofClient(
            "the lease counts from the answer (F2)",
            "SessionCore",
            "long deadline = saidAtNanos + trusted(leaseNanos);",
            "long deadline = ticker.nanos() + trusted(leaseNanos);"),
        ofClient(
            "the holder counts on a quarter of its lease",
            "SessionCore",
            "long deadline = saidAtNanos + trusted(leaseNanos);",
            "long deadline = saidAtNanos + trusted(leaseNanos / 4);"),
        ofClient(
            "the client breaks down when it loses a hold",
            "SessionCore",
            "forget(request); ended(request); request.listener.lost(reason);",
            "throw new IllegalStateException();"),
        ofClient(
            "the holder keeps no margin",
            "SessionCore",
            "double MARGIN = 0.10;",
            "double MARGIN = 0.00;"),
        ofClient(
            "the end of a lease is noticed only when its alarm goes off (etcd#19091)",
            "ClientRequest",
            "long lease = session.leaseDeadlineNanos();",
            "long lease ="
                + " session.isOpen() ? Long.MAX_VALUE / 2 : session.leaseDeadlineNanos();"),
        ofClient(
            "maxHold counts from when the grant was heard of",
            "SessionCore",
            "long limit = tableTimeAtNanos + trusted(request.until - tableTime);",
            "long limit = ticker.nanos() + trusted(millis(request.wish.maxHoldMillis()));"),
        ofClient(
            "a grant told twice is held again while it is given back (R32)",
            "SessionCore",
            "if (request == null || (request.state != State.ASKED && request.state !="
                + " State.WAITING)) { return; } hold(",
            "if (request == null || request.state == State.HELD) { return; } hold("),
        ofClient(
            "a release is not repeated (CURATOR-678, R33)",
            "SessionCore",
            "sayResume(); checkLease(); unanswered.values().forEach(this::send);",
            "sayResume(); checkLease(); unanswered.values().stream()"
                + ".filter(r -> r.state != State.RELEASING).forEach(this::send);"),
        ofClient(
            "a grant that comes after giving up is kept",
            "SessionCore",
            "request.farewell = farewell; change(request, State.CANCELLING); send(request);",
            "request.farewell = farewell; forget(request); ended(request);"),
        ofClient(
            "a loss that resuming tells is overheard",
            "SessionCore",
            "lost(request, LossReason.REVOKED); } else if",
            "} else if"),
        ofClient(
            "resuming forgets to name who waits",
            "SessionCore",
            "if (request.state == State.HELD || request.state == State.WAITING) {"
                + " resume.addRequests",
            "if (request.state == State.HELD) { resume.addRequests"),
        ofClient(
            "what an older stream says is believed",
            "ClientCore",
            "if (from != stream) { return; }",
            ""),
        ofEngine(
            "a lease counts from the answer (F2)",
            "KeptLease",
            "this.deadlineNanos = sentNanos + lease - (long) (lease * MARGIN);",
            "this.deadlineNanos ="
                + " place.ticker.holderNanos() + lease - (long) (lease * MARGIN);"),
        ofEngine(
            "a lease has no margin", "KeptLease", "double MARGIN = 0.10;", "double MARGIN = 0.00;"),
        ofEngine(
            "the end of a lease is known only when its alarm goes off",
            "KeptLease",
            "if (reason == null && isHeld() && place.ticker.holderNanos() - deadlineNanos >= 0) {",
            "if (reason == null && lost != null) {"),
        ofEngine(
            "several are believed in until the last of them ends",
            "KeptLease",
            "least = kept.deadlineNanos - least < 0 ? kept.deadlineNanos : least;",
            "least = kept.deadlineNanos - least > 0 ? kept.deadlineNanos : least;"),
        ofEngine(
            "whoever renews is dead all the same: the version is not compared",
            "Place",
            "before.record().version().equals(record.version())",
            "before.record().grant().equals(record.grant())"),
        ofEngine(
            "a record counts as seen from before the question left",
            "Place",
            "long now = ticker.nanos(); long since",
            "long now = ticker.nanos() - 2_000_000_000L; long since"),
        ofEngine(
            "a waiter judges by a clock that can be set",
            "LeaseRequest",
            "long now = place.ticker.nanos(); List<Take.Wanted> wanted",
            "long now = place.ticker.holderNanos(); List<Take.Wanted> wanted"),
        ofEngine(
            "what is found is freed, whoever's it is (D1)",
            "Settling",
            "boolean isOwn = found.grant().equals(grant);",
            "boolean isOwn = !found.isFree();"),
        ofEngine(
            "a late answer to a request sent twice frees what is held",
            "LeaseRequest",
            "if (answer instanceof TakeAnswer.Taken all && place.lease(taken) == null) {",
            "if (answer instanceof TakeAnswer.Taken all) {"),
        ofEngine(
            "a record that is adopted counts from when it was found (D2)",
            "LeaseRequest",
            "confirm(seen.record());",
            "adopted.put(name, new Adopted(seen.record(), place.ticker.holderNanos())); next();"),
        ofEngine(
            "who leaves does not stir who comes next",
            "LeaseRequest",
            "if (place.line(name).leave(this) || place.line(name).isIdle()) {",
            "if (!place.line(name).leave(this) && place.line(name).isIdle()) {"),
        ofEngine(
            "a renewal that was not answered counts all the same",
            "KeptLease",
            "if (unansweredSinceNanos == null && Trouble.of(failure) == Trouble.UNCERTAIN) {",
            "if (Trouble.of(failure) == Trouble.UNCERTAIN) { believe(sentNanos);"
                + " KeptLease.this.deadlineNanos = leastDeadline(); } if (unansweredSinceNanos =="
                + " null && Trouble.of(failure) == Trouble.UNCERTAIN) {"),
        ofEngine(
            "a retry asks under another id, and its own grant is in its way",
            "LeaseRequest",
            "isUnsettled = true; stragglesUntilNanos = sentNanos + lease().toNanos();",
            "isUnsettled = true; stragglesUntilNanos = sentNanos + lease().toNanos();"
                + " grant = client.newGrant();"),
        ofEngine(
            "a grant that comes after giving up is kept",
            "LeaseRequest",
            "if (isOver) { giveBack(all.records()); } else { granted(",
            "if (!isOver) { granted("),
        ofEngine(
            "a release is not repeated (CURATOR-678)",
            "GivingBack",
            "maybeDone |= trouble == Trouble.UNCERTAIN;",
            "maybeDone |= trouble == Trouble.UNCERTAIN; if (trouble != Trouble.REFUSED) { isOver();"
                + " return; }"),
        ofEngine(
            "a renewal that fails is the last one",
            "KeptLease",
            "endInTime(); if (isHeld()) { renewAgain(); }",
            "endInTime();"),
        ofEngine(
            "a hold is not ended by its maxHold",
            "KeptLease",
            "maxHold.isPresent() ? firstSent + maxHold.get().toNanos() : NO_DEADLINE;",
            "NO_DEADLINE;"),
        ofEngine(
            "a renewal under another token counts",
            "KeptLease",
            "if (renewed.token() != record.token()) { loseWhatALateTakeBroughtBack(); return; }",
            ""),
        ofEngine(
            "what is only said to be free is freed",
            "LeaseLocks",
            "store.onFreed(name -> place.within(() -> place.stir(name)));",
            "store.onFreed(name -> place.within(() -> { Seen seen = place.seen(name);"
                + " if (seen != null) { place.ended(seen.record().grant()); }"
                + " place.stir(name); }));"),
        ofEngine(
            "a client that closes gives nothing back",
            "LeaseClient",
            "List.copyOf(leases).forEach(lease -> lease.lose(LossReason.SESSION_ENDED));",
            ""),
        ofEngine(
                "what the machine sleeps counts for no holder (R24)",
                "KeptLease",
                "this.deadlineNanos = sentNanos + lease - (long) (lease * MARGIN);",
                "this.deadlineNanos = sentNanos + lease - (long) (lease * MARGIN)"
                    + " - (place.ticker.holderNanos() - place.ticker.nanos());")
            .and(
                "return deadlineNanos;",
                "return deadlineNanos + place.ticker.holderNanos() - place.ticker.nanos();")
            .and(
                "state == State.HELD && place.ticker.holderNanos() - deadlineNanos >= 0",
                "state == State.HELD && place.ticker.nanos() - deadlineNanos >= 0")
            .and(
                "isHeld() && place.ticker.holderNanos() - deadlineNanos >= 0",
                "isHeld() && place.ticker.nanos() - deadlineNanos >= 0")
            .and(
                "long left = deadlineNanos - place.ticker.holderNanos(); end =",
                "long left = deadlineNanos - place.ticker.nanos(); end ="),
        ofSimulation(
            "the resource does not look at the token",
            "FencedResource",
            "boolean accepted = token >= highest.getOrDefault(key, 0L);",
            "boolean accepted = token > 0;"));
  }
}
