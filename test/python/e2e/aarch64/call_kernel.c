/* SPDX-License-Identifier: Apache-2.0 */
/* Calls one kernel of a shared library on memory that files hold, under an emulator of user programs.
 * usage: call_kernel library symbol sizes(comma-separated) file... (rewritten) */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "torshjit/Runtime/KernelABI.h"

enum { kMost = 64, kBytes = 1 << 28 };

static char *arena;
static int64_t used;
static int depth;

static void *scratch(TorshWorker *self, int64_t bytes) {
  (void)self;
  int64_t at = used;
  used += (bytes + 63) / 64 * 64;
  if (used > kBytes)
    abort();
  return arena + at;
}

/* Two uneven chunks, the later one first: tasks must not depend on either. */
static void parallel_for(TorshWorker *self, TorshTask task, void *context, int64_t count,
                         int64_t grain) {
  (void)grain;
  int64_t mark = used, middle = depth ? 0 : count / 3;
  ++depth;
  task(context, middle, count, self);
  used = mark;
  if (middle > 0)
    task(context, 0, middle, self);
  used = mark;
  --depth;
}

int main(int argc, char **argv) {
  if (argc < 4 || argc - 4 > kMost)
    return 2;
  void *library = dlopen(argv[1], RTLD_NOW);
  TorshKernel kernel = library ? (TorshKernel)dlsym(library, argv[2]) : NULL;
  if (!kernel) {
    fprintf(stderr, "%s\n", dlerror());
    return 3;
  }
  int64_t sizes[kMost] = {0};
  int count = 0;
  for (char *text = strtok(argv[3], ","); text && count < kMost; text = strtok(NULL, ","))
    sizes[count++] = strtoll(text, NULL, 10);
  arena = aligned_alloc(64, kBytes);
  void *pointers[kMost];
  size_t lengths[kMost];
  for (int i = 4; i < argc; ++i) {
    FILE *file = fopen(argv[i], "rb");
    if (!file)
      return 4;
    fseek(file, 0, SEEK_END);
    lengths[i - 4] = (size_t)ftell(file);
    rewind(file);
    pointers[i - 4] = aligned_alloc(64, lengths[i - 4] / 64 * 64 + 64);
    if (fread(pointers[i - 4], 1, lengths[i - 4], file) != lengths[i - 4])
      return 5;
    fclose(file);
  }
  TorshWorker worker = {parallel_for, scratch};
  kernel(pointers, sizes, &worker);
  for (int i = 4; i < argc; ++i) {
    FILE *file = fopen(argv[i], "wb");
    if (!file || fwrite(pointers[i - 4], 1, lengths[i - 4], file) != lengths[i - 4])
      return 6;
    fclose(file);
  }
  return 0;
}
