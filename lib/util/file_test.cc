// SPDX-License-Identifier: Apache-2.0
#include "lib/util/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"

namespace btfd::util {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::ReadFileOrEmpty;
using tests::RunProcess;
using tests::ScratchDir;

std::string Listing(const ScratchDir& dir) {
  return RunProcess({"ls", "-A", dir.path()}).out;
}

TEST(ReadFile, GivesAllBytesAndNamesWhatIsMissing) {
  const ScratchDir dir;
  const std::string bytes(100000, '\0');
  tests::WriteFile(dir.file("a"), bytes);
  EXPECT_EQ(*ReadFile(dir.file("a")), bytes);

  const auto missing = ReadFile(dir.file("b"));
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr(dir.file("b") + ": cannot open"));
}

TEST(FileBytes, AreThereAfterTheDescriptorIsClosed) {
  const ScratchDir dir;
  tests::WriteFile(dir.file("a"), "content");
  auto fd = OpenFile(dir.file("a"), O_RDONLY);
  auto bytes = FileBytes::FromFd(fd->get(), "a");
  fd->Reset();
  const FileBytes moved = *std::move(bytes);
  EXPECT_EQ(moved.view(), "content");
  EXPECT_EQ(moved.status().st_size, 7);
}

TEST(FileBytes, ComeFromPipesAndEmptyFilesToo) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  ASSERT_EQ(write(writer.get(), "piped", 5), 5);
  writer.Reset();
  EXPECT_EQ(FileBytes::FromFd(reader.get(), "pipe")->view(), "piped");

  const ScratchDir dir;
  tests::WriteFile(dir.file("empty"), "");
  auto fd = OpenFile(dir.file("empty"), O_RDONLY);
  EXPECT_THAT(FileBytes::FromFd(fd->get(), "empty")->view(), IsEmpty());
}

TEST(OpenOwnForAppending, MakesAPrivateFileAndAppendsToItLater) {
  const ScratchDir dir;
  const std::string path = dir.file("log");
  for (const char* text : {"one", "two"}) {
    const auto fd = OpenOwnForAppending(path);
    ASSERT_TRUE(fd.ok()) << fd.status();
    ASSERT_EQ(write(fd->get(), text, 3), 3);
  }
  EXPECT_EQ(ReadFileOrEmpty(path), "onetwo");
  struct stat st;
  ASSERT_EQ(stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST(OpenOwnForAppending, TakesNothingThatWasPlanted) {
  const ScratchDir dir;
  const std::string path = dir.file("log"), target = dir.file("target");
  tests::WriteFile(target, "precious");
  ASSERT_EQ(symlink("target", path.c_str()), 0);
  EXPECT_FALSE(OpenOwnForAppending(path).ok()) << "a symbolic link";
  unlink(path.c_str());
  ASSERT_EQ(symlink("new", path.c_str()), 0);
  EXPECT_FALSE(OpenOwnForAppending(path).ok()) << "a dangling one";
  unlink(path.c_str());
  ASSERT_EQ(link(target.c_str(), path.c_str()), 0);
  const auto linked = OpenOwnForAppending(path);
  EXPECT_TRUE(absl::IsPermissionDenied(linked.status())) << linked.status();
  EXPECT_THAT(std::string(linked.status().message()),
              HasSubstr("not a regular file of uid"));
  unlink(path.c_str());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(OpenOwnForAppending(path).ok()) << "a FIFO, and not waited for";
  EXPECT_EQ(Listing(dir), "log\ntarget\n");
  EXPECT_EQ(ReadFileOrEmpty(target), "precious");
}

TEST(ReplacementFile, LeavesNothingBehindUnlessCommitted) {
  const ScratchDir dir;
  tests::WriteFile(dir.file("a"), "old");
  {
    auto file = ReplacementFile::Create(dir.file("a"), nullptr);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_THAT(file->temporary_path(), HasSubstr("/.tmp_btfd_"));
    ASSERT_TRUE(WriteAt(file->fd(), "a", "new", 0).ok());
  }
  EXPECT_EQ(ReadFileOrEmpty(dir.file("a")), "old");
  EXPECT_EQ(Listing(dir), "a\n");
}

TEST(ReplacementFile, LeavesNothingBehindWhereItCannotTakeTheOldOnesPlace) {
  const ScratchDir dir;
  auto file = ReplacementFile::Create(dir.file("a"), nullptr);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(mkdir(dir.file("a").c_str(), 0700), 0);
  tests::WriteFile(dir.file("a/kept"), "");
  const absl::Status status = file->Commit();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cannot put the finished file in its place"));
  EXPECT_EQ(Listing(dir), "a\n");
  EXPECT_TRUE(std::filesystem::exists(dir.file("a/kept")));
}

// Over a network it is close(2) that fails; here, as of a descriptor that
// somebody else closed.
TEST(ReplacementFile, WhatCannotBeClosedDoesNotTakeTheOldOnesPlace) {
  const ScratchDir dir;
  tests::WriteFile(dir.file("a"), "old");
  auto file = ReplacementFile::Create(dir.file("a"), nullptr);
  ASSERT_TRUE(file.ok()) << file.status();
  close(file->fd());
  EXPECT_THAT(std::string(file->Commit().message()),
              HasSubstr("cannot write the finished file"));
  EXPECT_EQ(ReadFileOrEmpty(dir.file("a")), "old");
  EXPECT_EQ(Listing(dir), "a\n");
}

TEST(ReplacementFile, PassesOverNamesThatAKilledProcessLeft) {
  const ScratchDir dir;
  auto first = ReplacementFile::Create(dir.file("a"), nullptr);
  auto second = ReplacementFile::Create(dir.file("a"), nullptr);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->temporary_path(), second->temporary_path());
}

}  // namespace
}  // namespace btfd::util
