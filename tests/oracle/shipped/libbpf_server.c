/* SPDX-License-Identifier: Apache-2.0
 *
 * Deduplicates with the libbpf.so.1 that the loader finds. In C, and linked
 * with nothing but the C library, so that it runs by another Debian's loader
 * and libraries. It reads requests from standard input and answers each on
 * standard output, until the input ends; see protocol.h. Its argument is the
 * version that libbpf must be of, as in "v1.5".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/oracle/shipped/protocol.h"

struct btf;

/* What is called of libbpf. Absent functions stay null. */
static struct {
  struct btf* (*parse)(const void*, uint32_t);
  struct btf* (*parse_split)(const void*, uint32_t, struct btf*);
  struct btf* (*parse_file)(const char*, struct btf*);
  struct btf* (*empty)(void);
  struct btf* (*empty_split)(struct btf*);
  int (*add_str)(struct btf*, const char*);
  int (*add_btf)(struct btf*, const struct btf*);
  int (*dedup)(struct btf*, const void*);
  int (*distill)(const struct btf*, struct btf**, struct btf**);
  const void* (*raw)(const struct btf*, uint32_t*);
  int (*endianness)(const struct btf*);
  int (*set_endianness)(struct btf*, int);
  void (*release)(struct btf*);
} libbpf;

static void* Symbol(void* library, const char* name) {
  return dlsym(library, name);
}

static int LoadLibbpf(const char* wanted) {
  void* const library = dlopen("libbpf.so.1", RTLD_NOW);
  if (library == NULL) {
    fprintf(stderr, "libbpf_server: %s\n", dlerror());
    return -1;
  }
  *(void**)&libbpf.parse = Symbol(library, "btf__new");
  *(void**)&libbpf.parse_split = Symbol(library, "btf__new_split");
  *(void**)&libbpf.parse_file = Symbol(library, "btf__parse_raw_split");
  *(void**)&libbpf.empty = Symbol(library, "btf__new_empty");
  *(void**)&libbpf.empty_split = Symbol(library, "btf__new_empty_split");
  *(void**)&libbpf.add_str = Symbol(library, "btf__add_str");
  *(void**)&libbpf.add_btf = Symbol(library, "btf__add_btf");
  *(void**)&libbpf.dedup = Symbol(library, "btf__dedup");
  *(void**)&libbpf.distill = Symbol(library, "btf__distill_base");
  *(void**)&libbpf.raw = Symbol(library, "btf__raw_data");
  *(void**)&libbpf.endianness = Symbol(library, "btf__endianness");
  *(void**)&libbpf.set_endianness = Symbol(library, "btf__set_endianness");
  *(void**)&libbpf.release = Symbol(library, "btf__free");
  void* (*set_print)(void*);
  *(void**)&set_print = Symbol(library, "libbpf_set_print");
  set_print(NULL);
  const char* (*version)(void);
  *(void**)&version = Symbol(library, "libbpf_version_string");
  if (strcmp(version(), wanted) != 0) {
    fprintf(stderr, "libbpf_server: libbpf is %s, not %s\n", version(), wanted);
    return -1;
  }
  return 0;
}

/* libbpf hangs in loops that hold nothing: they can be left by a jump. */
static sigjmp_buf way_out;

static void Leave(int number) {
  (void)number;
  siglongjmp(way_out, 1);
}

static void SetTimer(uint32_t milliseconds) {
  struct itimerval timer;
  memset(&timer, 0, sizeof(timer));
  timer.it_value.tv_sec = milliseconds / 1000;
  timer.it_value.tv_usec = (long)(milliseconds % 1000) * 1000;
  setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

static char* ReadBytes(uint32_t size) {
  char* const bytes = malloc(size != 0 ? size : 1);
  if (bytes == NULL || fread(bytes, 1, size, stdin) != size) exit(3);
  return bytes;
}

static void Answer(int32_t status, const struct btf* btf,
                   const struct btf* distilled) {
  struct ShippedAnswer answer = {status, 0, 0};
  const void* data = NULL;
  const void* distilled_data = NULL;
  if (btf != NULL) data = libbpf.raw(btf, &answer.size);
  if (distilled != NULL) {
    distilled_data = libbpf.raw(distilled, &answer.distilled_size);
  }
  fwrite(&answer, sizeof(answer), 1, stdout);
  if (data != NULL) fwrite(data, 1, answer.size, stdout);
  if (distilled_data != NULL) {
    fwrite(distilled_data, 1, answer.distilled_size, stdout);
  }
  fflush(stdout);
}

/* 1.1 parses split BTF from files alone. */
static struct btf* ParseSplit(const char* bytes, uint32_t size,
                              struct btf* base) {
  if (libbpf.parse_split != NULL) return libbpf.parse_split(bytes, size, base);
  const int fd = memfd_create("split", 0);
  if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) exit(3);
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  struct btf* const btf = libbpf.parse_file(path, base);
  close(fd);
  return btf;
}

/* As pahole makes BTF: into an empty one, each string and type after the other.
 */
static struct btf* Encode(struct btf* base, const char* bytes, uint32_t size) {
  struct btf* const residue = libbpf.parse(bytes, size);
  if (residue == NULL) return NULL;
  struct btf* btf = base != NULL ? libbpf.empty_split(base) : libbpf.empty();
  if (btf == NULL) return NULL;
  libbpf.set_endianness(btf, libbpf.endianness(residue));
  uint32_t host_size;
  libbpf.set_endianness(residue, SHIPPED_HOST_ENDIAN);
  const char* const raw = libbpf.raw(residue, &host_size);
  uint32_t header[6];
  memcpy(header, raw, sizeof(header));
  const char* const strings = raw + header[1] + header[4];
  int status = 0;
  for (uint32_t at = 1; status >= 0 && at < header[5];
       at += (uint32_t)strlen(strings + at) + 1) {
    status = libbpf.add_str(btf, strings + at);
  }
  /* It refuses a BTF without types. */
  if (status >= 0 && header[3] != 0) status = libbpf.add_btf(btf, residue);
  libbpf.release(residue);
  if (status >= 0) return btf;
  libbpf.release(btf);
  return NULL;
}

static void Serve(const struct ShippedRequest* request, struct btf* base,
                  const char* bytes) {
  if (sigsetjmp(way_out, 1) != 0) {
    Answer(SHIPPED_ENDLESS, NULL, NULL);
    return;
  }
  SetTimer(request->milliseconds);
  struct btf* btf;
  if (request->encode) {
    btf = Encode(base, bytes, request->size);
  } else if (base != NULL) {
    btf = ParseSplit(bytes, request->size, base);
  } else {
    btf = libbpf.parse(bytes, request->size);
  }
  int32_t status = btf == NULL ? -EINVAL : libbpf.dedup(btf, NULL);
  struct btf* distilled = NULL;
  struct btf* over_distilled = NULL;
  if (status >= 0 && request->distill) {
    status = libbpf.distill == NULL
                 ? -ENOSYS
                 : libbpf.distill(btf, &distilled, &over_distilled);
  }
  SetTimer(0);
  if (status < 0) {
    Answer(status, NULL, NULL);
  } else {
    Answer(0, request->distill ? over_distilled : btf, distilled);
  }
  libbpf.release(over_distilled);
  libbpf.release(distilled);
  libbpf.release(btf);
}

int main(int argc, char** argv) {
  if (argc != 2 || LoadLibbpf(argv[1]) != 0) return 2;
  signal(SIGVTALRM, Leave);
  struct btf* base = NULL;
  struct ShippedRequest request;
  while (fread(&request, sizeof(request), 1, stdin) == 1) {
    int32_t base_status = 0;
    if (request.base != SHIPPED_SAME_BASE) {
      libbpf.release(base);
      base = NULL;
      if (request.base == SHIPPED_NEW_BASE) {
        char* const bytes = ReadBytes(request.base_size);
        base = libbpf.parse(bytes, request.base_size);
        free(bytes);
        if (base == NULL) base_status = -EINVAL;
      }
    }
    char* const bytes = ReadBytes(request.size);
    if (base_status != 0) {
      Answer(base_status, NULL, NULL);
    } else {
      Serve(&request, base, bytes);
    }
    free(bytes);
  }
  return 0;
}
