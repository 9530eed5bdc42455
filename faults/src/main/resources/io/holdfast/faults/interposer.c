/*
 * Stands between a server and the C library (LD_PRELOAD): shifts its wall clock, delays or fails what makes files durable,
 * and fails its writes, as a control file says that the rig has mapped too. Counts what it did, so that the rig can prove it.
 *
 * The monotonic clock is left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As Interposer.Word has it. */
struct control {
  int64_t wall_offset_nanos;
  int64_t sync_delay_millis;
  int64_t sync_errno;
  int64_t write_errno;
  int64_t readings_shifted;
  int64_t syncs_delayed;
  int64_t syncs_failed;
  int64_t writes_failed;
  int64_t writes_without_space;
  int64_t syncs;
  int64_t sync_lies;
  int64_t lies;
};

static struct control nothing;
static volatile struct control *control = &nothing;
static char folder[4096];
static size_t folder_length;

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void count(volatile int64_t *counter) { __sync_fetch_and_add(counter, 1); }

__attribute__((constructor)) static void attach(void) {
  const char *file = getenv("HOLDFAST_FAULTS_CONTROL");
  const char *where = getenv("HOLDFAST_FAULTS_FOLDER");
  if (!file || !where) return;
  snprintf(folder, sizeof folder, "%s", where);
  folder_length = strlen(folder);
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = mmap(0, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) control = mapped;
  close(fd);
}

/* Whether a file lies in the server's data folder: its log and its sockets are left alone. */
static int is_data(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, folder_length) == 0;
}

enum fate { DONE, FAIL, LIE };

/* What is to become of a sync: to say that it is done without doing it is what bad disks do. */
static enum fate sync_fate(void) {
  count(&control->syncs);
  int64_t millis = control->sync_delay_millis;
  if (millis > 0) {
    count(&control->syncs_delayed);
    usleep((useconds_t)(millis * 1000));
  }
  if (control->sync_errno) {
    count(&control->syncs_failed);
    errno = (int)control->sync_errno;
    return FAIL;
  }
  if (control->sync_lies) {
    count(&control->lies);
    return LIE;
  }
  return DONE;
}

static int write_fault(int fd) {
  if (control->write_errno && is_data(fd)) {
    count(&control->writes_failed);
    errno = (int)control->write_errno;
    return 1;
  }
  return 0;
}

/* Passes a result on, and notes that the disk was full without our doing. */
static ssize_t noted(ssize_t result) {
  if (result < 0 && errno == ENOSPC) count(&control->writes_without_space);
  return result;
}

int fsync(int fd) {
  REAL(fsync);
  enum fate fate = sync_fate();
  return fate == FAIL ? -1 : fate == LIE ? 0 : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  enum fate fate = sync_fate();
  return fate == FAIL ? -1 : fate == LIE ? 0 : real(fd);
}

int sync_file_range(int fd, off64_t offset, off64_t size, unsigned int flags) {
  REAL(sync_file_range);
  enum fate fate = sync_fate();
  return fate == FAIL ? -1 : fate == LIE ? 0 : real(fd, offset, size, flags);
}

int msync(void *address, size_t length, int flags) {
  REAL(msync);
  enum fate fate = sync_fate();
  return fate == FAIL ? -1 : fate == LIE ? 0 : real(address, length, flags);
}

ssize_t write(int fd, const void *data, size_t size) {
  REAL(write);
  return write_fault(fd) ? -1 : noted(real(fd, data, size));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  REAL(pwrite);
  return write_fault(fd) ? -1 : noted(real(fd, data, size, offset));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  REAL(pwrite64);
  return write_fault(fd) ? -1 : noted(real(fd, data, size, offset));
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
  REAL(writev);
  return write_fault(fd) ? -1 : noted(real(fd, parts, number));
}

ssize_t pwritev(int fd, const struct iovec *parts, int number, off_t offset) {
  REAL(pwritev);
  return write_fault(fd) ? -1 : noted(real(fd, parts, number, offset));
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  REAL(fallocate);
  return write_fault(fd) ? -1 : (int)noted(real(fd, mode, offset, size));
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  REAL(fallocate64);
  return write_fault(fd) ? -1 : (int)noted(real(fd, mode, offset, size));
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  REAL(clock_gettime);
  int result = real(clock, now);
  int64_t offset = control->wall_offset_nanos;
  if (result == 0 && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t nanos = now->tv_nsec + offset % 1000000000;
    now->tv_sec += offset / 1000000000;
    if (nanos < 0) {
      nanos += 1000000000;
      now->tv_sec--;
    } else if (nanos >= 1000000000) {
      nanos -= 1000000000;
      now->tv_sec++;
    }
    now->tv_nsec = nanos;
    count(&control->readings_shifted);
  }
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  REAL(gettimeofday);
  int result = real(now, zone);
  int64_t offset = control->wall_offset_nanos;
  if (result == 0 && offset) {
    now->tv_sec += offset / 1000000000;
    count(&control->readings_shifted);
  }
  return result;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
