// SPDX-License-Identifier: Apache-2.0
#include "lib/util/write_output.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/process.h"

namespace btfd::util {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::ReadFileOrEmpty;
using tests::RunProcess;
using tests::ScratchDir;

mode_t ModeOf(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(stat(path.c_str(), &st), 0) << path;
  return st.st_mode & 07777;
}

std::string Listing(const ScratchDir& dir) {
  return RunProcess({"ls", "-A", dir.path()}).out;
}

TEST(WriteOutput, MakesANewFileAsTheUmaskSays) {
  const ScratchDir dir;
  const mode_t before = umask(027);
  const absl::Status status = WriteOutput(dir.file("a"), "new", nullptr);
  umask(before);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ReadFileOrEmpty(dir.file("a")), "new");
  EXPECT_EQ(ModeOf(dir.file("a")), 0640u);
  EXPECT_EQ(Listing(dir), "a\n");
}

TEST(WriteOutput, KeepsModeAndLeavesOtherHardLinksAlone) {
  const ScratchDir dir;
  tests::WriteFile(dir.file("a"), "old");
  ASSERT_EQ(chmod(dir.file("a").c_str(), 0604), 0);
  ASSERT_EQ(link(dir.file("a").c_str(), dir.file("b").c_str()), 0);
  ASSERT_TRUE(WriteOutput(dir.file("a"), "new", nullptr).ok());
  EXPECT_EQ(ReadFileOrEmpty(dir.file("a")), "new");
  EXPECT_EQ(ModeOf(dir.file("a")), 0604u);
  EXPECT_EQ(ReadFileOrEmpty(dir.file("b")), "old");
  EXPECT_EQ(Listing(dir), "a\nb\n");
}

TEST(WriteOutput, FollowsSymbolicLinksAlsoDanglingOnes) {
  const ScratchDir dir;
  ASSERT_EQ(symlink("target", dir.file("link").c_str()), 0);
  ASSERT_TRUE(WriteOutput(dir.file("link"), "first", nullptr).ok());
  EXPECT_EQ(ReadFileOrEmpty(dir.file("target")), "first");
  ASSERT_TRUE(WriteOutput(dir.file("link"), "second", nullptr).ok());
  EXPECT_EQ(ReadFileOrEmpty(dir.file("target")), "second");
  EXPECT_EQ(Listing(dir), "link\ntarget\n");
}

TEST(WriteOutput, SaysThatTheDiskIsFull) {
  const absl::Status status = WriteOutput("/dev/full", "bytes", nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("/dev/full: cannot write: No space left on device"));
}

TEST(WriteOutput, NamesTheFileWhereTheDirectoryIsMissing) {
  const ScratchDir dir;
  const absl::Status status = WriteOutput(dir.file("no/a"), "bytes", nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(dir.file("no/a") + ": cannot create a temporary file"));
}

TEST(WriteOutput, AFifoIsWrittenThrough) {
  const ScratchDir dir;
  const std::string path = dir.file("fifo");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::string read;
  std::thread reader([&] { read = ReadFileOrEmpty(path); });
  const absl::Status status = WriteOutput(path, "through", nullptr);
  reader.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(read, "through");
  struct stat st;
  ASSERT_EQ(lstat(path.c_str(), &st), 0);
  EXPECT_TRUE(S_ISFIFO(st.st_mode));
}

TEST(WriteOutput, ADescriptorIsWrittenToAtItsPosition) {
  const UniqueFd fd(memfd_create("out", MFD_CLOEXEC));
  ASSERT_EQ(write(fd.get(), "old ", 4), 4);
  for (const char* directory : {"/dev/fd/", "/proc/self/fd/"}) {
    const std::string name = directory + std::to_string(fd.get());
    EXPECT_TRUE(IsWrittenThrough(name));
    ASSERT_TRUE(WriteOutput(name, "more ", nullptr).ok()) << name;
  }
  char text[64];
  const ssize_t n = pread(fd.get(), text, sizeof(text), 0);
  EXPECT_EQ(std::string(text, n), "old more more ");
}

TEST(WriteOutput, TheStandardStreamsAreDescriptors) {
  EXPECT_EQ(DescriptorNamed("/dev/stdin"), 0);
  EXPECT_EQ(DescriptorNamed("/dev/stdout"), 1);
  EXPECT_EQ(DescriptorNamed("/dev/stderr"), 2);
  EXPECT_EQ(DescriptorNamed("/dev/fd/7"), 7);
  EXPECT_EQ(DescriptorNamed("/dev/fd/7/x"), std::nullopt);
  EXPECT_EQ(DescriptorNamed("/dev/null"), std::nullopt);
  EXPECT_EQ(DescriptorNamed("stdout"), std::nullopt);
}

// A directory in which a file can be named, but not what is to replace it: the
// path of that is longer than paths can be.
class NoRoomForATemporary : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string directory = dir_.path();
    while (directory.size() + 300 < PATH_MAX) directory += "/" + Step(200);
    directory += "/" + Step(PATH_MAX - 5 - directory.size());
    ASSERT_EQ(RunProcess({"mkdir", "-p", directory}).exit_code, 0);
    path_ = directory + "/a";
    ASSERT_LT(path_.size(), size_t{PATH_MAX});
  }
  static std::string Step(size_t length) { return std::string(length, 'd'); }

  Notice Keep() {
    return [this](const std::string& notice) { notices_.push_back(notice); };
  }

  const ScratchDir dir_;
  std::string path_;
  std::vector<std::string> notices_;
};

TEST_F(NoRoomForATemporary, TheFileIsOverwrittenAfterANotice) {
  const std::string old(200000, 'o');
  for (const size_t size : {0, 1, 65536, 200000, 200001, 300000}) {
    tests::WriteFile(path_, old);
    struct stat before, after;
    ASSERT_EQ(stat(path_.c_str(), &before), 0);
    const std::string fresh =
        std::string(size / 2, 'o').append(size - size / 2, 'n');
    notices_.clear();
    const absl::Status status = WriteOutput(path_, fresh, Keep());
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(ReadFileOrEmpty(path_) == fresh) << size;
    ASSERT_EQ(stat(path_.c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_THAT(notices_,
                ElementsAre(HasSubstr("a: is overwritten in its place (cannot "
                                      "create a temporary file beside it: File "
                                      "name too long): killed meanwhile")));
  }
}

TEST_F(NoRoomForATemporary, WhereThereIsNoFileTheErrorStands) {
  const absl::Status status = WriteOutput(path_, "new", Keep());
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cannot create a temporary file"));
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(NoRoomForATemporary, OnAFullDiskTheFileStaysAsItWas) {
  tests::WriteFile(path_, "old");
  struct rlimit old, limit;
  signal(SIGXFSZ, SIG_IGN);
  getrlimit(RLIMIT_FSIZE, &old);
  limit = old;
  limit.rlim_cur = 100;
  setrlimit(RLIMIT_FSIZE, &limit);
  const absl::Status status = WriteOutput(path_, std::string(200, 'n'), Keep());
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot make room"));
  EXPECT_EQ(ReadFileOrEmpty(path_), "old");
  EXPECT_THAT(notices_, IsEmpty());
}

}  // namespace
}  // namespace btfd::util
