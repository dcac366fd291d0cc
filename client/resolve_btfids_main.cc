// SPDX-License-Identifier: Apache-2.0
//
// resolve_btfids: the command resolve_btfids of btfc, as a program of its own.
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <exception>

#include "client/commands/commands.h"
#include "lib/util/out_of_memory.h"

int main(int argc, char** argv) {
  std::set_terminate(btfd::util::EndOutOfMemory<255>);
  // The process ends soon. It uses freed memory again and gives none back,
  // which saves most system calls for memory and most first touches of pages.
  constexpr int kHeap = 64 << 20;
  mallopt(M_MMAP_THRESHOLD, kHeap);
  mallopt(M_TRIM_THRESHOLD, kHeap);
  mallopt(M_TOP_PAD, 1 << 20);
  const int exit_code = btfd::client::RunResolveBtfids({argv + 1, argv + argc});
  fflush(nullptr);
  _exit(exit_code);  // without destructors, which have nothing to do
}
