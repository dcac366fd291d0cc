// SPDX-License-Identifier: Apache-2.0
#include "daemon/rpc/connections.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

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
  // Now a file, or another socket, has the number of one of them.
  const util::UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const util::UniqueFd other = NewSocket();
  const util::UniqueFd second = NewSocket();
  const util::UniqueFd third = NewSocket();
  EXPECT_TRUE(connections.Add(second.get()));
  EXPECT_TRUE(connections.Add(third.get()));
}

// Two connected sockets. The buffer of one end is full.
struct FullPair {
  FullPair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    ours = util::UniqueFd(fds[0]);
    theirs = util::UniqueFd(fds[1]);
    Fill();
  }
  void Fill() {
    const std::string bytes(4096, 'x');
    while (send(ours.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
  }
  bool closed() {
    char byte;
    std::string rest(1 << 20, ' ');
    while (recv(theirs.get(), rest.data(), rest.size(), 0) > 0) {
    }
    return recv(theirs.get(), &byte, 1, 0) == 0;
  }
  util::UniqueFd ours, theirs;
};

TEST(Connections, WhoNeverReadsIsShutDown) {
  Connections connections(4);
  FullPair stuck, reading;
  const util::UniqueFd silent = NewSocket();
  ASSERT_TRUE(connections.Add(stuck.ours.get()));
  ASSERT_TRUE(connections.Add(reading.ours.get()));
  ASSERT_TRUE(connections.Add(silent.get()));
  int closed = 0;
  for (int i = 0; i < 8 && closed == 0; ++i) {
    // It reads slowly, but it reads, and then gets more.
    std::string some(4096 * (1 + i), ' ');
    EXPECT_GT(recv(reading.theirs.get(), some.data(), some.size(), 0), 0);
    if (i % 2 == 1) reading.Fill();
    closed = connections.CloseStuck(4);
    if (i < 3) {
      EXPECT_EQ(closed, 0) << "too soon";
    }
  }
  EXPECT_EQ(closed, 1);
  EXPECT_TRUE(stuck.closed());
}

TEST(Connections, LeaveDescriptorsForFiles) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(Connections(SIZE_MAX).max(), limit.rlim_cur - 128);
  EXPECT_EQ(Connections(5).max(), 5u);
}

}  // namespace
}  // namespace btfd::daemon
