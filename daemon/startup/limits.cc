// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/limits.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace btfd::daemon {

namespace {

// What gRPC, the store and the daemon's own chores have, whatever the number of
// workers. Counted in a daemon of two workers under load, and a few more.
constexpr int kThreadsOfOurs = 18;
constexpr unsigned kMostWorkersTried = 32;

void SayAndEnd(int signal_number) {
  static const char kWords[] = "btfd: the start hangs; giving up\n";
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, kWords, sizeof(kWords) - 1);
  signal(signal_number, SIG_DFL);
  raise(signal_number);  // once this has returned
}

}  // namespace

void LiftLimits() {
  for (const auto resource : {RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_CPU,
                              RLIMIT_FSIZE, RLIMIT_NPROC}) {
    rlimit limit;
    if (getrlimit(resource, &limit) != 0) continue;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(resource, &limit);
  }
  signal(SIGXFSZ, SIG_IGN);
}

int ThreadsNeeded(unsigned workers) {
  return kThreadsOfOurs +
         static_cast<int>(std::min(workers, kMostWorkersTried));
}

Deadline::Deadline(absl::Duration limit) {
  // Whoever started us may have ignored or blocked it.
  signal(SIGALRM, SayAndEnd);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  alarm(static_cast<unsigned>(absl::ToInt64Seconds(limit)));
}

Deadline::~Deadline() {
  alarm(0);
  signal(SIGALRM, SIG_DFL);
}

}  // namespace btfd::daemon
