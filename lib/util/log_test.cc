// SPDX-License-Identifier: Apache-2.0
#include "lib/util/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::util {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

class LogTest : public ::testing::Test {
 protected:
  std::string path_ = absl::StrCat(
      ::testing::TempDir(), "/",
      ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".log");

  void SetUp() override { unlink(path_.c_str()); }
  void TearDown() override { unlink(path_.c_str()); }

  std::unique_ptr<Log> OpenLog(LogLevel level) {
    auto log = Log::OpenFile(path_, level);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  static std::vector<std::string> LinesOf(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
};

TEST_F(LogTest, LineSaysTimeLevelThreadAndText) {
  OpenLog(LogLevel::kInfo)->Warning("the store is gone");
  const auto lines = LinesOf(path_);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0],
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:"
                           "[0-9]{2}\\.[0-9]{3}Z W [0-9]+ the store is gone"));
}

TEST_F(LogTest, LevelsBelowTheLogsAreLeftOut) {
  const auto log = OpenLog(LogLevel::kWarning);
  EXPECT_FALSE(log->enabled(LogLevel::kInfo));
  EXPECT_TRUE(log->enabled(LogLevel::kWarning));
  log->Debug("one");
  log->Info("two");
  log->Warning("three");
  log->Error("four");
  const auto lines = LinesOf(path_);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], EndsWith(" three"));
  EXPECT_THAT(lines[1], EndsWith(" four"));
}

TEST_F(LogTest, TextCannotForgeALine) {
  OpenLog(LogLevel::kInfo)->Info("first\nsecond\x1b[31m");
  const auto lines = LinesOf(path_);
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], EndsWith("first\\nsecond?[31m"));
}

TEST_F(LogTest, FileIsPrivateAndAppendedTo) {
  OpenLog(LogLevel::kInfo)->Info("one");
  OpenLog(LogLevel::kInfo)->Info("two");
  EXPECT_THAT(LinesOf(path_), SizeIs(2));
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(LogTest, ThreadsWriteWholeLines) {
  const auto log = OpenLog(LogLevel::kInfo);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log] {
      for (int i = 0; i < 200; ++i) log->Info(std::string(100, 'x'));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = LinesOf(path_);
  ASSERT_THAT(lines, SizeIs(800));
  for (const std::string& line : lines) {
    EXPECT_THAT(line, EndsWith(absl::StrCat(" ", std::string(100, 'x'))));
  }
}

TEST_F(LogTest, ReopenFollowsARotation) {
  const auto log = OpenLog(LogLevel::kInfo);
  const std::string rotated = path_ + ".1";
  log->Info("old");
  ASSERT_EQ(rename(path_.c_str(), rotated.c_str()), 0);
  log->Info("still old");
  ASSERT_TRUE(log->Reopen().ok());
  log->Info("new");
  EXPECT_THAT(LinesOf(rotated), SizeIs(2));
  EXPECT_THAT(LinesOf(path_), SizeIs(1));
  unlink(rotated.c_str());
}

TEST_F(LogTest, FileThatCannotBeOpenedIsNamed) {
  const auto log = Log::OpenFile("/nonexistent/btfd.log", LogLevel::kInfo);
  EXPECT_EQ(log.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(log.status().message()),
              HasSubstr("cannot open the log file /nonexistent/btfd.log"));
}

TEST(LogLevelTest, NamesAreParsed) {
  EXPECT_EQ(*ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(*ParseLogLevel("error"), LogLevel::kError);
  const auto wrong = ParseLogLevel("loud");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(wrong.status().message()),
              HasSubstr("not a log level"));
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("'loud'"));
}

}  // namespace
}  // namespace btfd::util
