// SPDX-License-Identifier: Apache-2.0
#include "daemon/connections.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "gtest/gtest.h"
#include "lib/util/file.h"

namespace btfd::daemon {
namespace {

util::UniqueFd NewSocket() {
  return util::UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

TEST(Connections, AreCountedUntilTheyAreClosed) {
  Connections connections(2);
  util::UniqueFd first = NewSocket();
  const util::UniqueFd second = NewSocket();
  const util::UniqueFd third = NewSocket();
  EXPECT_TRUE(connections.Add(first.get()));
  EXPECT_TRUE(connections.Add(second.get()));
  EXPECT_FALSE(connections.Add(third.get()));
  first.Reset();
  EXPECT_TRUE(connections.Add(third.get()));
}

TEST(Connections, ANumberThatIsUsedAgainIsAnotherConnection) {
  Connections connections(2);
  for (int i = 0; i < 10; ++i) {
    const util::UniqueFd fd = NewSocket();
    EXPECT_TRUE(connections.Add(fd.get()));
  }
  // Now a file, or another's socket, has the number of one.
  const util::UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const util::UniqueFd other = NewSocket();
  const util::UniqueFd second = NewSocket();
  const util::UniqueFd third = NewSocket();
  EXPECT_TRUE(connections.Add(second.get()));
  EXPECT_TRUE(connections.Add(third.get()));
}

TEST(Connections, LeaveDescriptorsForFiles) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(Connections(SIZE_MAX).max(), limit.rlim_cur - 128);
  EXPECT_EQ(Connections(5).max(), 5u);
}

}  // namespace
}  // namespace btfd::daemon
