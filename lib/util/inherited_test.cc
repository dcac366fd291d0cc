// SPDX-License-Identifier: Apache-2.0
#include "lib/util/inherited.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "gtest/gtest.h"

namespace btfd::util {
namespace {

// In a child, since what it changes is the process's: its exit code.
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST(OpenStandardStreams, OpensThoseThatAreClosed) {
  for (int closed = 0; closed < 8; ++closed) {
    EXPECT_EQ(InChild([closed] {
                for (int fd = 0; fd < 3; ++fd) {
                  if ((closed & 1 << fd) != 0) close(fd);
                }
                OpenStandardStreams();
                struct stat null, now;
                if (stat("/dev/null", &null) != 0) return 1;
                for (int fd = 0; fd < 3; ++fd) {
                  if (fstat(fd, &now) != 0) return 2;
                  if ((closed & 1 << fd) != 0 && now.st_rdev != null.st_rdev) {
                    return 3;
                  }
                }
                return open("/", O_RDONLY) > 2 ? 0 : 4;
              }),
              0)
        << closed;
  }
}

TEST(KeepStatusOfChildren, LetsThemBeWaitedFor) {
  EXPECT_EQ(InChild([] {
              signal(SIGCHLD, SIG_IGN);
              KeepStatusOfChildren();
              return InChild([] { return 7; });
            }),
            7);
}

TEST(KeepStatusOfChildren, LeavesAHandlerAlone) {
  EXPECT_EQ(InChild([] {
              signal(SIGCHLD, [](int) {});
              KeepStatusOfChildren();
              return signal(SIGCHLD, SIG_DFL) == SIG_DFL ? 1 : 0;
            }),
            0);
}

}  // namespace
}  // namespace btfd::util
