/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into pahole: writes what it has encoded to the file that
 * KEEP_RESIDUE names, just before it is deduplicated.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct btf;

int btf__dedup(struct btf* btf, const void* options) {
  const void* (*raw_data)(const struct btf*, uint32_t*);
  int (*dedup)(struct btf*, const void*);
  *(void**)&raw_data = dlsym(RTLD_NEXT, "btf__raw_data");
  *(void**)&dedup = dlsym(RTLD_NEXT, "btf__dedup");
  uint32_t size = 0;
  const void* const data = raw_data(btf, &size);
  const char* const path = getenv("KEEP_RESIDUE");
  FILE* const file = path != NULL ? fopen(path, "w") : NULL;
  if (file != NULL) {
    fwrite(data, 1, size, file);
    fclose(file);
  }
  return dedup(btf, options);
}
