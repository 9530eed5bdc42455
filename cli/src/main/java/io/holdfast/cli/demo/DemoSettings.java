package io.holdfast.cli.demo;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What a demo shall be like.
 *
 * @param seed decides what each worker wants and how long it is willing to wait; who wins is up to the machine
 * @param workers how many
 * @param duration for how long they work
 * @param report where the page goes; empty for a folder of its own in the temporary one
 * @param keep whether the file tree stays for somebody to look at
 * @param sabotage whether the locks are switched off, to show that the checks would notice
 * @param json whether stdout is for a program
 */
public record DemoSettings(
    long seed,
    int workers,
    Duration duration,
    Optional<Path> report,
    boolean keep,
    boolean sabotage,
    boolean json) {}
