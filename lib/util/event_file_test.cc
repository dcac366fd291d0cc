// SPDX-License-Identifier: Apache-2.0
#include "lib/util/event_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/util/file.h"

namespace btfd::util {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

std::string FreshPath() {
  std::string path = ::testing::TempDir() + "/events.XXXXXX";
  EXPECT_NE(mkdtemp(path.data()), nullptr);
  return path + "/events";
}

std::map<std::string, uint64_t> Take(const std::string& path) {
  const auto events = TakeEvents(path);
  EXPECT_TRUE(events.ok()) << events.status();
  return events.ok() ? *events : std::map<std::string, uint64_t>();
}

TEST(EventFile, GivesWhatWasAddedOnce) {
  const std::string path = FreshPath();
  EXPECT_THAT(Take(path), IsEmpty()) << "there is no file";
  EXPECT_TRUE(AddEvent(path, "lost").ok());
  EXPECT_TRUE(AddEvent(path, "busy").ok());
  EXPECT_TRUE(AddEvent(path, "lost").ok());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_THAT(Take(path),
              UnorderedElementsAre(Pair("lost", 2), Pair("busy", 1)));
  EXPECT_THAT(Take(path), IsEmpty());
}

TEST(EventFile, LosesNothingWhenManyAddAndOneTakes) {
  const std::string path = FreshPath();
  constexpr int kWriters = 4;
  constexpr int kEach = 200;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&path] {
      for (int n = 0; n < kEach; ++n) EXPECT_TRUE(AddEvent(path, "lost").ok());
    });
  }
  uint64_t taken = 0;
  for (int i = 0; i < 100; ++i) taken += Take(path)["lost"];
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(taken + Take(path)["lost"], uint64_t{kWriters} * kEach);
}

TEST(EventFile, WhatSomebodyIsWritingToIsTakenLater) {
  const std::string path = FreshPath();
  ASSERT_TRUE(AddEvent(path, "lost").ok());
  auto locked = OpenFile(path, O_RDONLY);
  ASSERT_TRUE(locked.ok());
  ASSERT_EQ(flock(locked->get(), LOCK_EX), 0);
  EXPECT_THAT(Take(path), IsEmpty());
  locked->Reset();
  EXPECT_THAT(Take(path), UnorderedElementsAre(Pair("lost", 1)));
}

TEST(EventFile, HasABound) {
  const std::string path = FreshPath();
  ASSERT_TRUE(AddEvent(path, "lost").ok());
  ASSERT_EQ(truncate(path.c_str(), kMaxEventFile), 0);
  EXPECT_TRUE(absl::IsResourceExhausted(AddEvent(path, "lost")));
}

TEST(EventFile, AtALinkIsNeitherWrittenNorTaken) {
  const std::string path = FreshPath();
  ASSERT_TRUE(AddEvent(path, "lost").ok());
  const std::string link = path + ".link";
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  EXPECT_FALSE(AddEvent(link, "lost").ok());
  EXPECT_FALSE(TakeEvents(link).ok());
  EXPECT_THAT(Take(path), UnorderedElementsAre(Pair("lost", 1)));
}

}  // namespace
}  // namespace btfd::util
