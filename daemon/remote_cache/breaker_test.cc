// SPDX-License-Identifier: Apache-2.0
#include "daemon/remote_cache/breaker.h"

#include "gtest/gtest.h"

namespace btfd::daemon::remote {
namespace {

class BreakerTest : public ::testing::Test {
 protected:
  absl::Time At(int seconds) {
    return absl::UnixEpoch() + absl::Seconds(seconds);
  }
  void Open() {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(breaker_.Admits(At(0)));
      EXPECT_EQ(breaker_.Failed(At(0)), i == 2);
    }
  }
  Breaker breaker_{3, absl::Seconds(1), absl::Seconds(4)};
};

TEST_F(BreakerTest, OpensAfterARowOfFailures) {
  Open();
  EXPECT_TRUE(breaker_.open());
  EXPECT_FALSE(breaker_.Admits(At(0)));
}

TEST_F(BreakerTest, ASuccessBetweenFailuresKeepsItClosed) {
  for (int i = 0; i < 10; ++i) {
    breaker_.Failed(At(i));
    breaker_.Failed(At(i));
    breaker_.Succeeded();
  }
  EXPECT_TRUE(breaker_.Admits(At(0)));
}

TEST_F(BreakerTest, AfterThePauseOneMaySee) {
  Open();
  EXPECT_TRUE(breaker_.Admits(At(1)));
  EXPECT_FALSE(breaker_.Admits(At(1))) << "the probe is still under way";
}

TEST_F(BreakerTest, AProbeThatSucceedsClosesIt) {
  Open();
  ASSERT_TRUE(breaker_.Admits(At(1)));
  breaker_.Succeeded();
  EXPECT_TRUE(breaker_.Admits(At(1)));
  EXPECT_TRUE(breaker_.Admits(At(1)));
}

TEST_F(BreakerTest, EachProbeThatFailsDoublesThePauseUpToItsBound) {
  Open();
  ASSERT_TRUE(breaker_.Admits(At(1)));
  EXPECT_FALSE(breaker_.Failed(At(1))) << "it was open before";
  EXPECT_FALSE(breaker_.Admits(At(2)));
  ASSERT_TRUE(breaker_.Admits(At(3)));
  breaker_.Failed(At(3));
  EXPECT_FALSE(breaker_.Admits(At(6)));
  ASSERT_TRUE(breaker_.Admits(At(7)));
  breaker_.Failed(At(7));
  ASSERT_TRUE(breaker_.Admits(At(11))) << "not 8 but 4 seconds";
}

TEST_F(BreakerTest, CallsThatWereUnderWayDoNotProlongThePause) {
  Open();
  EXPECT_FALSE(breaker_.Failed(At(0)));
  EXPECT_TRUE(breaker_.Admits(At(1)));
}

TEST_F(BreakerTest, AnAbandonedProbeLeavesRoomForAnother) {
  Open();
  ASSERT_TRUE(breaker_.Admits(At(1)));
  breaker_.Abandoned();
  EXPECT_TRUE(breaker_.Admits(At(1)));
}

}  // namespace
}  // namespace btfd::daemon::remote
