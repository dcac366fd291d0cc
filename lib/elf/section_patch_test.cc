// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/section_patch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/process.h"

namespace btfd::elf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::ReadFileOrEmpty;
using tests::RunProcess;
using tests::ScratchDir;

constexpr absl::string_view kOldIds("\0\0\0\0\0\0\0\0", 8);
constexpr absl::string_view kNewIds = "12345678";

std::string Signature() {
  std::string info(12, '\0');
  info[11] = 20;
  return std::string(20, 's') + info + "~Module signature appended~\n";
}

std::string SmallModule() {
  ElfBuilder elf;
  elf.AddSection(".text", "some code");
  elf.AddSection(".BTF", "\x9f\xeb old");
  elf.AddSection(".BTF_ids", kOldIds);
  return elf.Build();
}

class SectionPatch : public ::testing::Test {
 protected:
  std::string path() const { return dir_.file("m.ko"); }
  void Put(const std::string& bytes) { tests::WriteFile(path(), bytes); }
  std::string Get() const { return ReadFileOrEmpty(path()); }
  ModuleFile Open() const {
    auto module = ModuleFile::Open(path(), ModuleFile::Access::kReadWrite);
    EXPECT_TRUE(module.ok()) << module.status();
    return *std::move(module);
  }
  absl::Status Patch(absl::string_view content) {
    return PatchBtfIds(path(), content, [this](const std::string& notice) {
      notices_.push_back(notice);
    });
  }
  void ExpectError(const absl::Status& status, absl::StatusCode code,
                   const std::string& words) const {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path()));
  }
  std::string Listing() const {
    return RunProcess({"ls", "-A", dir_.path()}).out;
  }

  const ScratchDir dir_;
  std::vector<std::string> notices_;
};

TEST_F(SectionPatch, WritesNothingButTheIds) {
  const std::string old = SmallModule();
  Put(old);
  const uint64_t offset = Open().btf_ids()->header.sh_offset;
  ASSERT_TRUE(Patch(kNewIds).ok());
  std::string expected = old;
  expected.replace(offset, kNewIds.size(), std::string(kNewIds));
  EXPECT_EQ(Get(), expected);
}

ino_t InodeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  return status.st_ino;
}

TEST_F(SectionPatch, WithinAPageIsInPlaceAndElseAReplacement) {
  for (const size_t size : {8, 4000, 5000, 20000}) {
    ElfBuilder elf;
    elf.header(elf.AddSection(".BTF_ids", std::string(size, '0'))).sh_flags =
        SHF_ALLOC;
    Put(elf.Build());
    ASSERT_EQ(link(path().c_str(), dir_.file("other").c_str()), 0);
    ASSERT_EQ(chmod(path().c_str(), 0640), 0);
    const std::string ids(size, 'x');
    ASSERT_TRUE(Patch(ids).ok());
    EXPECT_EQ(Open().first_btf_ids()->content, ids);
    std::string expected = elf.Build();
    expected.replace(Open().first_btf_ids()->header.sh_offset, size, ids);
    EXPECT_EQ(Get(), expected);
    const bool one_page = size < 4096;
    EXPECT_EQ(InodeOf(path()) == InodeOf(dir_.file("other")), one_page) << size;
    struct stat status {};
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640u);
    unlink(dir_.file("other").c_str());
    unlink(path().c_str());
  }
  EXPECT_EQ(Listing(), "");
}

TEST_F(SectionPatch, CutsASignatureOffAsUpstreamDoes) {
  Put(SmallModule() + Signature());
  ASSERT_TRUE(Patch(kOldIds).ok());
  EXPECT_EQ(Get(), SmallModule());
}

TEST_F(SectionPatch, TakesTheFirstSection) {
  ElfBuilder elf;
  elf.AddSection(".BTF_ids", "1111");
  elf.AddSection(".BTF_ids", "2222");
  Put(elf.Build());
  ASSERT_TRUE(Patch("abcd").ok());
  EXPECT_EQ(Open().first_btf_ids()->content, "abcd");
  EXPECT_EQ(Open().btf_ids()->content, "2222");
}

TEST_F(SectionPatch, WantsTheSameSizeAndNotZero) {
  Put(SmallModule());
  ExpectError(Patch("1234"), absl::StatusCode::kFailedPrecondition,
              "section 3 (.BTF_ids) has 8 bytes in the file, and is to get 4");
  ElfBuilder elf;
  elf.AddSection(".BTF_ids", "");
  Put(elf.Build());
  ExpectError(Patch(""), absl::StatusCode::kFailedPrecondition,
              "has 0 bytes in the file");
  Put(ElfBuilder().Build());
  ExpectError(Patch("1234"), absl::StatusCode::kNotFound,
              "no section .BTF_ids");
}

// Too large to be copied, with ids on several pages.
class LargeFile : public SectionPatch {
 protected:
  static constexpr size_t kIds = 20000;

  LargeFile() {
    ElfBuilder elf;
    elf.AddSection(".text", std::string(kCheapCopy, 't'));
    elf.AddSection(".BTF_ids", std::string(kIds, '\0'));
    old_ = elf.Build();
    Put(old_);
    offset_ = Open().btf_ids()->header.sh_offset;
    new_ = old_;
    new_.replace(offset_, kIds, ids_);
  }
  std::string NotePath() const {
    return dir_.file(absl::StrCat(".tmp_btfd_patch_", InodeOf(path())));
  }
  const std::string ids_ = std::string(kIds / 2, 'x').append(kIds / 2, 'y');
  std::string old_, new_;
  uint64_t offset_ = 0;
};

TEST_F(LargeFile, IsPatchedWhereItIs) {
  ASSERT_EQ(link(path().c_str(), dir_.file("other").c_str()), 0);
  ASSERT_TRUE(Patch(ids_).ok());
  EXPECT_TRUE(Get() == new_);
  EXPECT_EQ(InodeOf(path()), InodeOf(dir_.file("other"))) << "it was copied";
  EXPECT_EQ(Listing(), "m.ko\nother\n");
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(LargeFile, LosesItsSignature) {
  Put(old_ + Signature());
  ASSERT_TRUE(Patch(ids_).ok());
  EXPECT_TRUE(Get() == new_);
}

TEST_F(LargeFile, WhereNoNoteCanBeKeptThatIsSaid) {
  ASSERT_EQ(mkdir(NotePath().c_str(), 0700), 0);
  ASSERT_TRUE(Patch(ids_).ok());
  EXPECT_TRUE(Get() == new_);
  EXPECT_THAT(
      notices_,
      ElementsAre(HasSubstr(path() + ": is patched without a note beside it")));
}

TEST_F(LargeFile, ThatSomebodyElseWritesIsLeftAlone) {
  const int theirs = open(path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(theirs, LOCK_EX), 0);
  ExpectError(Patch(ids_), absl::StatusCode::kAborted,
              "is being written by somebody else");
  EXPECT_TRUE(Get() == old_);
  close(theirs);
}

// A writer that comes to its end half-way: by a limit of the file's size.
class BegunPatch : public LargeFile {
 protected:
  void SetUp() override {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    struct rlimit limit = old;
    limit.rlim_cur = offset_ + 9000;
    setrlimit(RLIMIT_FSIZE, &limit);
    const absl::Status status = Patch(ids_);
    setrlimit(RLIMIT_FSIZE, &old);
    ExpectError(status, absl::StatusCode::kOutOfRange, "cannot write");
    half_ = old_;
    half_.replace(offset_, 9000, ids_.substr(0, 9000));
    ASSERT_TRUE(Get() == half_);
    ASSERT_NE(ReadFileOrEmpty(NotePath()), "");
  }
  // In its place: the note is found by the inode.
  void PutOver(const std::string& bytes) {
    const int fd = open(path().c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_EQ(pwrite(fd, bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    close(fd);
  }
  void ExpectNothingToFinish(const std::string& bytes) {
    const auto finished = FinishBegunPatch(Open());
    EXPECT_TRUE(finished.ok() && !*finished) << finished.status();
    EXPECT_TRUE(Get() == bytes);
    EXPECT_EQ(Listing(), "m.ko\n") << "the note stayed";
  }

  std::string half_;
};

TEST_F(BegunPatch, IsFinishedByWhoOpensTheFileNext) {
  const auto finished = FinishBegunPatch(Open());
  EXPECT_TRUE(finished.ok() && *finished) << finished.status();
  EXPECT_TRUE(Get() == new_);
  EXPECT_EQ(Listing(), "m.ko\n");
  ExpectNothingToFinish(new_);
}

TEST_F(BegunPatch, IsFinishedByTheSamePatchOnceMore) {
  ASSERT_TRUE(Patch(ids_).ok());
  EXPECT_TRUE(Get() == new_);
  EXPECT_EQ(Listing(), "m.ko\n");
}

TEST_F(BegunPatch, OfWhichNothingIsInTheFileIsForgotten) {
  PutOver(old_);
  ExpectNothingToFinish(old_);
}

TEST_F(BegunPatch, OfAnotherContentIsForgotten) {
  std::string other = half_;
  other[offset_ + 9001] = 'z';
  PutOver(other);
  ExpectNothingToFinish(other);
  Put(SmallModule());  // no file that would be asked about
  const auto finished = FinishBegunPatch(Open());
  EXPECT_TRUE(finished.ok() && !*finished) << finished.status();
}

TEST_F(BegunPatch, WhoseNoteIsNotWholeIsForgotten) {
  const std::string note = ReadFileOrEmpty(NotePath());
  tests::WriteFile(NotePath(), note.substr(0, note.size() - 1));
  ExpectNothingToFinish(half_);
}

TEST_F(BegunPatch, IsNotFinishedWhileSomebodyElseWrites) {
  const int theirs = open(path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(theirs, LOCK_EX), 0);
  ExpectError(FinishBegunPatch(Open()).status(), absl::StatusCode::kAborted,
              "is being written by somebody else");
  close(theirs);
  EXPECT_TRUE(Get() == half_);
}

}  // namespace
}  // namespace btfd::elf
