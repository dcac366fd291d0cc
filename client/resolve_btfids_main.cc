// SPDX-License-Identifier: Apache-2.0
//
// resolve_btfids: what btfc is when it is called so, as a program of its own.
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <exception>

#include "client/commands/commands.h"
#include "lib/util/out_of_memory.h"

int main(int argc, char** argv) {
  std::set_terminate(btfd::util::EndOutOfMemory<255>);
  // It ends soon: what it frees it uses again, and gives nothing back. That
  // saves most of the calls for memory, and the touching of new pages.
  constexpr int kHeap = 64 << 20;
  mallopt(M_MMAP_THRESHOLD, kHeap);
  mallopt(M_TRIM_THRESHOLD, kHeap);
  mallopt(M_TOP_PAD, 1 << 20);
  const int exit_code = btfd::client::RunResolveBtfids({argv + 1, argv + argc});
  fflush(nullptr);
  _exit(exit_code);  // past destructors, which have nothing left to do
}
