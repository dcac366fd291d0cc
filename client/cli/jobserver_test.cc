// SPDX-License-Identifier: Apache-2.0
#include "client/cli/jobserver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

// How many tokens are in a pipe. Takes them out.
int Drain(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  char token;
  int count = 0;
  while (read(fd, &token, 1) == 1) ++count;
  return count;
}

class Jobserver : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe(fds_), 0);
    ASSERT_EQ(write(fds_[1], "+++", 3), 3);
    flags_ = absl::StrCat(" -j4 --jobserver-auth=", fds_[0], ",", fds_[1],
                          " -- V=1");
  }
  void TearDown() override {
    close(fds_[0]);
    close(fds_[1]);
  }

  int fds_[2];
  std::string flags_;
};

TEST_F(Jobserver, TokensAreTakenAndGivenBack) {
  {
    const auto taken = JobserverTokens::Take(flags_, 2);
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->count(), 2u);
    // make itself still waits for a token if there is none.
    EXPECT_EQ(fcntl(fds_[0], F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_EQ(Drain(fds_[0]), 3);
}

TEST_F(Jobserver, NobodyWaitsForTokensThatOthersHave) {
  const auto first = JobserverTokens::Take(flags_, 7);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->count(), 3u);
  const auto second = JobserverTokens::Take(flags_, 7);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->count(), 0u);
}

TEST_F(Jobserver, ANamedPipeIsOneAsWell) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/fifo");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int fd = open(path.c_str(), O_RDWR);
  ASSERT_EQ(write(fd, "ab", 2), 2);
  {
    const auto taken =
        JobserverTokens::Take("-j3 --jobserver-auth=fifo:" + path, 7);
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->count(), 2u);
  }
  EXPECT_EQ(Drain(fd), 2);
  close(fd);
  unlink(path.c_str());
}

TEST_F(Jobserver, ThereIsNoneIfMakeSaysSoOrHasClosedIt) {
  const std::string file = absl::StrCat(::testing::TempDir(), "/file");
  close(open(file.c_str(), O_CREAT | O_RDWR, 0600));
  for (const std::string& flags :
       {std::string(), std::string("-j4"),
        std::string("--jobserver-auth=-2,-2"),
        std::string("--jobserver-auth=998,999"),
        std::string("--jobserver-auth=three,four"),
        std::string("--jobserver-auth=fifo:/nonexistent"),
        "--jobserver-auth=fifo:" + file,
        absl::StrCat("-- --jobserver-auth=", fds_[0], ",", fds_[1])}) {
    EXPECT_FALSE(JobserverTokens::Take(flags, 1).has_value()) << flags;
  }
  EXPECT_EQ(Drain(fds_[0]), 3);
}

}  // namespace
}  // namespace btfd::client
