// SPDX-License-Identifier: Apache-2.0
#include "daemon/startup/limits.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "gtest/gtest.h"

namespace btfd::daemon {
namespace {

// What a child process that does this ends with, as waitpid() says it.
int StatusOfChild(const std::function<int()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST(Limits, ThreadsAreCountedByTheWorkers) {
  EXPECT_GT(ThreadsNeeded(8), ThreadsNeeded(2));
  EXPECT_EQ(ThreadsNeeded(1000), ThreadsNeeded(2000));
}

TEST(Limits, SoftOnesAreLifted) {
  const int status = StatusOfChild([] {
    const rlimit files = {16, 64};
    const rlimit size = {4096, 8192};
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_FSIZE, &size);
    LiftLimits();
    rlimit lifted;
    getrlimit(RLIMIT_NOFILE, &lifted);
    if (lifted.rlim_cur != 64) return 1;
    getrlimit(RLIMIT_FSIZE, &lifted);
    if (lifted.rlim_cur != 8192) return 2;
    return raise(SIGXFSZ) == 0 ? 0 : 3;  // and we are still there
  });
  EXPECT_EQ(status, 0);
}

// Whatever the parent did to the signal.
TEST(Limits, ADeadlineEndsWhatHangs) {
  const int status = StatusOfChild([] {
    signal(SIGALRM, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    const Deadline deadline(absl::Seconds(1));
    while (true) pause();
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGALRM);
}

TEST(Limits, ADeadlineThatIsMetIsForgotten) {
  const int status = StatusOfChild([] {
    { const Deadline deadline(absl::Seconds(1)); }
    return alarm(0) == 0 ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace btfd::daemon
