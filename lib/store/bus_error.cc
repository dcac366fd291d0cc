// SPDX-License-Identifier: Apache-2.0
//
// The signal handler. It runs on the thread that touched the missing page. It
// makes system calls only, and uses no memory but its own stack.
#include "lib/store/bus_error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace btfd::store {

namespace {

std::atomic<int> replaced{0};

constexpr char kSharedIndex[] = "-shm";
constexpr char kDeleted[] = " (deleted)";

// True if `line` describes a mapping of a shared index that contains `address`.
// The line is one of /proc/self/maps, without its newline:
// "BEGIN-END PERMISSIONS OFFSET DEVICE INODE PATH".
bool IsIndexAt(const char* line, size_t size, uintptr_t address) {
  uintptr_t bounds[2] = {0, 0};
  size_t at = 0;
  for (uintptr_t& bound : bounds) {
    for (; at < size && line[at] != '-' && line[at] != ' '; ++at) {
      const char c = line[at];
      const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
      bound = bound << 4 | static_cast<uintptr_t>(digit);
    }
    ++at;  // skip the character behind the number
  }
  if (address < bounds[0] || address >= bounds[1]) return false;
  const size_t deleted = sizeof(kDeleted) - 1,
               suffix = sizeof(kSharedIndex) - 1;
  if (size >= deleted &&
      memcmp(line + size - deleted, kDeleted, deleted) == 0) {
    size -= deleted;
  }
  return size >= suffix &&
         memcmp(line + size - suffix, kSharedIndex, suffix) == 0;
}

bool IsInSharedIndex(uintptr_t address) {
  const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return false;
  char buffer[8192];  // longer than any line: a path has 4096 bytes at most
  size_t filled = 0;
  bool found = false;
  while (!found && filled < sizeof(buffer)) {
    const ssize_t n = read(maps, buffer + filled, sizeof(buffer) - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    filled += static_cast<size_t>(n);
    size_t begin = 0;
    while (!found) {
      const void* const end = memchr(buffer + begin, '\n', filled - begin);
      if (end == nullptr) break;
      const size_t size = static_cast<const char*>(end) - (buffer + begin);
      found = IsIndexAt(buffer + begin, size, address);
      begin += size + 1;
    }
    filled -= begin;
    memmove(buffer, buffer + begin, filled);
  }
  close(maps);
  return found;
}

void OnBusError(int signal_number, siginfo_t* info, void*) {
  const int saved_errno = errno;
  const uintptr_t page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (info->si_code == BUS_ADRERR && IsInSharedIndex(address)) {
    void* const page = reinterpret_cast<void*>(address & ~(page_size - 1));
    if (mmap(page, page_size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) {
      ++replaced;
      errno = saved_errno;
      return;
    }
  }
  // The thread now repeats the same access, and the signal ends the process.
  signal(signal_number, SIG_DFL);
}

}  // namespace

void SurviveBusErrors() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = OnBusError;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    return sigaction(SIGBUS, &action, nullptr) == 0;
  }();
  static_cast<void>(installed);
}

int BusErrors() { return replaced; }

}  // namespace btfd::store
