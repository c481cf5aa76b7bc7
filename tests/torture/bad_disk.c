/* Preloaded: calls on files whose path holds a given text fail as on a bad disk. The file of GUARDIAN_TEST_DISK holds three
   numbers (errno of write, of sync, of open for writing; 0: as ever) and the text. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct order {
  int32_t write, sync, open;
  char text[116];
};

static volatile struct order *order(void) {
  static volatile struct order *at;
  if (!at) {
    const char *name = getenv("GUARDIAN_TEST_DISK");
    static int (*real)(const char *, int, ...);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    int fd = name ? real(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    void *page = mmap(0, sizeof(struct order), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED) return 0;
    at = page;
  }
  return at;
}

static int meant(int fd) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return 0;
  path[size] = 0;
  return strstr(path, (const char *)order()->text) != 0;
}

ssize_t write(int fd, const void *data, size_t size) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (order() && order()->write && meant(fd)) {
    if (size > 1) real(fd, data, size / 2); /* a part of it arrives, as it may */
    errno = order()->write;
    return -1;
  }
  return real(fd, data, size);
}

static int synced(int fd, const char *name) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (order() && order()->sync && meant(fd)) {
    errno = order()->sync;
    return -1;
  }
  return real(fd);
}

int fsync(int fd) { return synced(fd, "fsync"); }
int fdatasync(int fd) { return synced(fd, "fdatasync"); }

static int refused(const char *path, int flags) {
  return order() && order()->open && (flags & O_ACCMODE) != O_RDONLY && strstr(path, (const char *)order()->text);
}

#define OPENS(name)                                                                     \
  int name(const char *path, int flags, ...) {                                          \
    static int (*real)(const char *, int, ...);                                         \
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);         \
    va_list more;                                                                       \
    va_start(more, flags);                                                              \
    int mode = va_arg(more, int);                                                       \
    va_end(more);                                                                       \
    if (refused(path, flags)) {                                                         \
      errno = order()->open;                                                            \
      return -1;                                                                        \
    }                                                                                   \
    return real(path, flags, mode);                                                     \
  }

OPENS(open)
OPENS(open64)
