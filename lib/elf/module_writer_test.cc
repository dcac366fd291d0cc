// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/module_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/testing/elf_builder.h"
#include "tests/support/process.h"

// What fdatasync() was called for: the file's name at that time, and its size.
// The tests replace the C library's function by this one.
struct Synced {
  std::string name;
  int64_t size;
};
static std::vector<Synced>& SyncedFiles() {
  static auto* const files = new std::vector<Synced>;
  return *files;
}
static int sync_error = 0;  // what it fails with

extern "C" int fdatasync(int fd) {
  char name[4096] = {};
  const std::string link = absl::StrCat("/proc/self/fd/", fd);
  struct stat st;
  if (readlink(link.c_str(), name, sizeof(name) - 1) > 0 &&
      fstat(fd, &st) == 0) {
    SyncedFiles().push_back({name, st.st_size});
  }
  errno = sync_error;
  return sync_error == 0 ? 0 : -1;
}

namespace btfd::elf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::ReadFileOrEmpty;
using tests::RunProcess;
using tests::ScratchDir;

constexpr absl::string_view kOldBtf = "\x9f\xeb old";
constexpr absl::string_view kNewBtf = "\x9f\xeb a longer new one";
constexpr absl::string_view kNewBase = "\x9f\xeb base";
constexpr absl::string_view kOldIds("\0\0\0\0\0\0\0\0", 8);
constexpr absl::string_view kNewIds = "12345678";

const std::vector<SectionEdit> kEdits = {
    {kBtf, kNewBtf}, {kBtfBase, kNewBase}, {kBtfIds, kNewIds}};

std::string Signature() {
  std::string info(12, '\0');
  info[11] = 20;
  return std::string(20, 's') + info + "~Module signature appended~\n";
}

// Code, .BTF and .BTF_ids with one symbol.
std::string SmallModule(ElfForm form = ElfForm()) {
  ElfBuilder elf(form);
  const uint32_t text = elf.AddSection(".text", "some code");
  elf.header(text).sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  elf.header(text).sh_addralign = 16;
  elf.AddSection(".BTF", kOldBtf);
  const uint32_t ids = elf.AddSection(".BTF_ids", kOldIds);
  elf.header(ids).sh_flags = SHF_ALLOC;
  elf.AddSymbol("__BTF_ID__func__foo__1", ids, 4, 4);
  const uint32_t bss = elf.AddSection(".bss", "");
  elf.header(bss).sh_type = SHT_NOBITS;
  elf.header(bss).sh_size = 1 << 20;
  return elf.Build();
}

class ModuleWriter : public ::testing::Test {
 protected:
  std::string path() const { return dir_.file("m.ko"); }
  void Put(const std::string& bytes) { tests::WriteFile(path(), bytes); }
  std::string Get() const { return ReadFileOrEmpty(path()); }

  ModuleFile Open() const {
    auto module = ModuleFile::Open(path());
    EXPECT_TRUE(module.ok()) << module.status();
    return *std::move(module);
  }
  absl::StatusOr<WriteResult> Write(const std::vector<SectionEdit>& edits,
                                    const WriteOptions& options = {}) const {
    return WriteModule(Open(), edits, options);
  }
  WriteResult MustWrite(const std::vector<SectionEdit>& edits,
                        const WriteOptions& options = {}) const {
    const auto result = Write(edits, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(WriteResult::kUnchanged);
  }
  void ExpectNewContents() const {
    const ModuleFile module = Open();
    EXPECT_EQ(module.BtfContent().value(), kNewBtf);
    EXPECT_EQ(module.BtfBaseContent().value(), kNewBase);
    EXPECT_EQ(module.btf_ids()->content, kNewIds);
    EXPECT_EQ(module.section(1).content, "some code");
    ASSERT_EQ(module.IdSymbols()->size(), 1u);
    EXPECT_EQ(module.IdSymbols()->front().name, "__BTF_ID__func__foo__1");
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
};

TEST_F(ModuleWriter, SyncWaitsForTheContentsBeforeTheyTakeTheName) {
  Put(SmallModule());
  SyncedFiles().clear();
  ASSERT_EQ(MustWrite(kEdits), WriteResult::kReplaced);
  EXPECT_EQ(SyncedFiles().size(), 0u);

  Put(SmallModule());
  WriteOptions options;
  options.sync = true;
  ASSERT_EQ(MustWrite(kEdits, options), WriteResult::kReplaced);
  ASSERT_EQ(SyncedFiles().size(), 1u);
  EXPECT_THAT(SyncedFiles()[0].name, HasSubstr("/.tmp_btfd_"));
  EXPECT_EQ(SyncedFiles()[0].size, static_cast<int64_t>(Get().size()));
  ExpectNewContents();
}

TEST_F(ModuleWriter, ADiskThatCannotBeWrittenLeavesTheOldModule) {
  Put(SmallModule());
  WriteOptions options;
  options.sync = true;
  sync_error = EIO;
  ExpectError(Write(kEdits, options).status(), absl::StatusCode::kUnknown,
              "cannot write the finished file to the disk");
  sync_error = 0;
  EXPECT_EQ(Get(), SmallModule());
  EXPECT_EQ(Listing(), "m.ko\n");
}

ino_t InodeOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  return status.st_ino;
}

class EveryElfForm : public ModuleWriter,
                     public ::testing::WithParamInterface<ElfForm> {};

INSTANTIATE_TEST_SUITE_P(
    ModuleWriter, EveryElfForm,
    ::testing::Values(ElfForm{true, false}, ElfForm{true, true},
                      ElfForm{false, false}, ElfForm{false, true}),
    [](const auto& info) {
      return absl::StrCat(info.param.is_64bit ? "Elf64" : "Elf32",
                          info.param.big_endian ? "Big" : "Little");
    });

TEST_P(EveryElfForm, NewContentsGoBehindTheOldFile) {
  const std::string old = SmallModule(GetParam());
  Put(old);
  EXPECT_EQ(MustWrite(kEdits), WriteResult::kReplaced);
  ExpectNewContents();
  // All but the header is as it was.
  const size_t header = GetParam().header_size();
  EXPECT_EQ(Get().substr(header, old.size() - header), old.substr(header));
}

TEST_P(EveryElfForm, BinutilsReadTheResult) {
  Put(SmallModule(GetParam()));
  MustWrite(kEdits);
  const auto readelf = RunProcess({"readelf", "-aW", path()});
  EXPECT_EQ(readelf.exit_code, 0);
  EXPECT_EQ(readelf.err, "");
  EXPECT_THAT(readelf.out, HasSubstr(".BTF.base"));
  // A binutils of another architecture knows big-endian ELF in general.
  std::string target = "default";
  if (GetParam().big_endian) {
    target = GetParam().is_64bit ? "elf64-big" : "elf32-big";
  }
  const auto objcopy = RunProcess({"objcopy", "-I", target, "-O", "binary",
                                   "--only-section=.BTF", "--set-section-flags",
                                   ".BTF=alloc", path(), dir_.file("btf")});
  EXPECT_EQ(objcopy.exit_code, 0) << objcopy.err;
  EXPECT_EQ(ReadFileOrEmpty(dir_.file("btf")), kNewBtf);
}

TEST_P(EveryElfForm, TwiceIsTheSameAsOnce) {
  Put(SmallModule(GetParam()));
  MustWrite(kEdits);
  const std::string once = Get();
  EXPECT_EQ(MustWrite(kEdits), WriteResult::kUnchanged);
  EXPECT_EQ(Get(), once);
}

TEST_P(EveryElfForm, ExtendedNumberingIsKept) {
  ElfBuilder elf(GetParam());
  elf.UseExtendedNumbering();
  elf.AddSection(".text", "some code");
  Put(elf.Build());
  MustWrite({{kBtf, kNewBtf}});
  const ModuleFile module = Open();
  EXPECT_EQ(module.header().e_shnum, 0);
  EXPECT_EQ(module.section_count(), 4u);
  EXPECT_EQ(module.BtfContent().value(), kNewBtf);
}

TEST_F(ModuleWriter, TheSectionThatIsOneTooManyMakesNumberingExtended) {
  ElfBuilder elf;
  elf.AddSection(".text", "some code");
  while (elf.AddSection("", "") < SHN_LORESERVE - 3) {
  }
  Put(elf.Build());
  ASSERT_EQ(Open().header().e_shnum, SHN_LORESERVE - 1);
  MustWrite({{kBtf, kNewBtf}});
  EXPECT_EQ(Open().header().e_shnum, 0);
  EXPECT_EQ(Open().section_count(), uint32_t{SHN_LORESERVE});
  EXPECT_EQ(Open().BtfContent().value(), kNewBtf);
  const auto readelf = RunProcess({"readelf", "-hSW", path()});
  EXPECT_EQ(readelf.err, "");
  EXPECT_THAT(readelf.out, HasSubstr("0 (65280)"));
}

TEST_F(ModuleWriter, UnchangedSectionsAreNotWrittenAgain) {
  Put(SmallModule());
  MustWrite(kEdits);
  const ModuleFile before = Open();
  MustWrite({{kBtf, kNewBtf}, {kBtfBase, "\x9f\xeb other"}});
  const ModuleFile after = Open();
  EXPECT_EQ(after.btf()->header.sh_offset, before.btf()->header.sh_offset);
  EXPECT_GT(after.btf_base()->header.sh_offset,
            before.btf_base()->header.sh_offset);
}

TEST_F(ModuleWriter, ARemovedSectionLeavesAnEmptyEntryForTheNextOne) {
  Put(SmallModule());
  MustWrite(kEdits);
  const uint32_t count = Open().section_count();
  const uint32_t index = Open().btf_base()->index;

  MustWrite({{kBtfBase, std::nullopt}});
  EXPECT_FALSE(Open().btf_base().has_value());
  EXPECT_EQ(Open().section(index).header.sh_type, uint32_t{SHT_NULL});
  EXPECT_EQ(MustWrite({{kBtfBase, std::nullopt}}), WriteResult::kUnchanged);
  const auto readelf = RunProcess({"readelf", "-aW", path()});
  EXPECT_EQ(readelf.err, "");

  MustWrite({{kBtfBase, kNewBase}});
  EXPECT_EQ(Open().section_count(), count);
  EXPECT_EQ(Open().btf_base()->index, index);
  ExpectNewContents();
}

TEST_F(ModuleWriter, NewSectionsLookLikeThoseOfObjcopy) {
  ElfBuilder elf;
  elf.AddSection(".text", "some code");
  Put(elf.Build());
  tests::WriteFile(dir_.file("btf"), std::string(kNewBtf));
  const auto objcopy =
      RunProcess({"objcopy", "--add-section", ".BTF=" + dir_.file("btf"),
                  path(), dir_.file("objcopied.o")});
  ASSERT_EQ(objcopy.exit_code, 0) << objcopy.err;
  MustWrite({{kBtf, kNewBtf}});
  const auto theirs = ModuleFile::Open(dir_.file("objcopied.o"));
  const ModuleFile ours = Open();
  EXPECT_EQ(ours.btf()->header.sh_type, theirs->btf()->header.sh_type);
  EXPECT_EQ(ours.btf()->header.sh_flags, theirs->btf()->header.sh_flags);
  EXPECT_EQ(ours.btf()->header.sh_addralign,
            theirs->btf()->header.sh_addralign);
  EXPECT_EQ(ours.btf()->header.sh_entsize, theirs->btf()->header.sh_entsize);
  EXPECT_EQ(ours.btf()->content, theirs->btf()->content);
}

TEST_F(ModuleWriter, FinalizingAgainAndAgainDoesNotGrowTheFileForEver) {
  Put(SmallModule());
  size_t largest = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string btf =
        absl::StrCat("\x9f\xeb", std::string(10000, 'b'), i);
    MustWrite({{kBtf, btf}});
    ASSERT_EQ(Open().BtfContent().value(), btf);
    largest = std::max(largest, Get().size());
  }
  EXPECT_LT(largest, 64 * 1024 + 2 * 11000);
  MustWrite(kEdits);
  ExpectNewContents();
}

TEST_F(ModuleWriter, MovedSectionsKeepTheirAlignment) {
  ElfBuilder elf;
  const uint32_t btf = elf.AddSection(".BTF", std::string(200001, 'x'));
  for (const uint64_t alignment : {1, 64, 2, 4096, 0, 8, 1}) {
    const uint32_t i = elf.AddSection(".data", absl::StrCat("a", alignment));
    elf.header(i).sh_addralign = alignment;
  }
  Put(elf.Build());
  EXPECT_EQ(MustWrite({{kBtf, kNewBtf}}), WriteResult::kReplaced);
  EXPECT_LT(Get().size(), 20000u);
  const ModuleFile module = Open();
  EXPECT_EQ(module.section(btf).content, kNewBtf);
  for (uint32_t i = btf + 1; i + 1 < module.section_count(); ++i) {
    const Elf64_Shdr header = module.section(i).header;
    EXPECT_EQ(module.section(i).content,
              absl::StrCat("a", header.sh_addralign));
    if (header.sh_addralign > 0) {
      EXPECT_EQ(header.sh_offset % header.sh_addralign, 0u) << i;
    }
  }
}

TEST_F(ModuleWriter, ASignedModuleIsRefused) {
  const std::string old = SmallModule() + Signature();
  Put(old);
  ExpectError(Write(kEdits).status(), absl::StatusCode::kFailedPrecondition,
              "is signed, and a change would spoil the signature; finalize "
              "before signing, or drop the signature");
  EXPECT_EQ(Get(), old);
}

TEST_F(ModuleWriter, ADroppedSignatureLeavesNoTrace) {
  Put(SmallModule() + Signature() + Signature());
  WriteOptions drop;
  drop.drop_signature = true;
  EXPECT_EQ(MustWrite(kEdits, drop), WriteResult::kReplaced);
  ExpectNewContents();
  EXPECT_FALSE(absl::StrContains(Get(), "Module signature"));
  EXPECT_EQ(MustWrite(kEdits, drop), WriteResult::kUnchanged);
}

TEST_F(ModuleWriter, WithNothingElseToChangeTheSignatureIsCutOff) {
  Put(SmallModule() + Signature());
  WriteOptions drop;
  drop.drop_signature = true;
  EXPECT_EQ(MustWrite({{kBtf, kOldBtf}}, drop), WriteResult::kInPlace);
  EXPECT_EQ(Get(), SmallModule());
}

TEST_F(ModuleWriter, SectionsInTheSignatureAreAnError) {
  std::string bytes = SmallModule();
  bytes += Signature();
  bytes[bytes.size() - 28 - 1] = static_cast<char>(200);  // reaches back
  Put(bytes);
  WriteOptions drop;
  drop.drop_signature = true;
  ExpectError(Write(kEdits, drop).status(), absl::StatusCode::kInvalidArgument,
              "section header table at offset");
  EXPECT_EQ(Get(), bytes);
}

TEST_F(ModuleWriter, SymbolicLinksAreFollowed) {
  Put(SmallModule());
  ASSERT_EQ(symlink("m.ko", dir_.file("link.ko").c_str()), 0);
  const auto module = ModuleFile::Open(dir_.file("link.ko"));
  EXPECT_EQ(*WriteModule(*module, kEdits, {}), WriteResult::kReplaced);
  ExpectNewContents();
  struct stat link;
  ASSERT_EQ(lstat(dir_.file("link.ko").c_str(), &link), 0);
  EXPECT_TRUE(S_ISLNK(link.st_mode));
  EXPECT_EQ(Listing(), "link.ko\nm.ko\n");
}

TEST_F(ModuleWriter, OtherHardLinksKeepTheOldModule) {
  Put(SmallModule());
  ASSERT_EQ(chmod(path().c_str(), 0640), 0);
  ASSERT_EQ(link(path().c_str(), dir_.file("cached.ko").c_str()), 0);
  EXPECT_EQ(MustWrite(kEdits), WriteResult::kReplaced);
  ExpectNewContents();
  EXPECT_EQ(ReadFileOrEmpty(dir_.file("cached.ko")), SmallModule());
  struct stat after;
  ASSERT_EQ(stat(path().c_str(), &after), 0);
  EXPECT_EQ(after.st_mode & 07777, 0640u);
  EXPECT_EQ(Listing(), "cached.ko\nm.ko\n");
}

TEST_F(ModuleWriter, AnotherOutputGetsTheSameBytesAndTheModuleIsLeftAlone) {
  Put(SmallModule());
  ASSERT_EQ(chmod(path().c_str(), 0755), 0);
  WriteOptions options;
  options.output = dir_.file("out.ko");
  EXPECT_EQ(MustWrite(kEdits, options), WriteResult::kReplaced);
  EXPECT_EQ(Get(), SmallModule());
  struct stat st;
  ASSERT_EQ(stat(options.output.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0755u);
  MustWrite(kEdits);
  EXPECT_EQ(Get(), ReadFileOrEmpty(options.output));
  EXPECT_EQ(Listing(), "m.ko\nout.ko\n");
}

TEST_F(ModuleWriter, AnotherOutputIsACopyWhereNothingIsToChange) {
  Put(SmallModule());
  WriteOptions options;
  options.output = dir_.file("out.ko");
  EXPECT_EQ(MustWrite({{kBtf, kOldBtf}}, options), WriteResult::kReplaced);
  EXPECT_EQ(ReadFileOrEmpty(options.output), SmallModule());
  options.output = path();  // that is in place
  EXPECT_EQ(MustWrite({{kBtf, kOldBtf}}, options), WriteResult::kUnchanged);
}

TEST_F(ModuleWriter, AFileThatChangedMeanwhileIsLeftAlone) {
  Put(SmallModule());
  const ModuleFile module = Open();
  const std::string theirs = SmallModule() + "more";
  Put(theirs);
  ExpectError(WriteModule(module, kEdits, {}).status(),
              absl::StatusCode::kAborted, "was changed by somebody else");
  EXPECT_EQ(Get(), theirs);
}

TEST_F(ModuleWriter, AFileThatIsBeingWrittenIsLeftAlone) {
  Put(SmallModule());
  const ModuleFile module = Open();
  const int theirs = open(path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(theirs, LOCK_EX), 0);
  ExpectError(WriteModule(module, kEdits, {}).status(),
              absl::StatusCode::kAborted, "is being written by somebody else");
  EXPECT_EQ(Get(), SmallModule());
  EXPECT_EQ(Listing(), "m.ko\n");
  close(theirs);
  EXPECT_TRUE(WriteModule(module, kEdits, {}).ok());
}

// Files may not grow beyond a size, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(size_t size) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_);
    struct rlimit limit = old_;
    limit.rlim_cur = size;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &old_); }

 private:
  struct rlimit old_;
};

TEST_F(ModuleWriter, OnAFullDiskTheModuleStaysAsItWas) {
  const std::string old = SmallModule();
  Put(old);
  MustWrite(kEdits);
  const size_t whole = Get().size();
  for (size_t size = old.size(); size < whole; ++size) {
    Put(old);
    absl::Status status;
    {
      const FullDisk full(size);
      status = Write(kEdits).status();
    }
    ASSERT_FALSE(status.ok()) << size;
    ExpectError(status, status.code(), "cannot write");
    ASSERT_EQ(Get(), old) << size;
  }
  EXPECT_EQ(Listing(), "m.ko\n");
}

TEST_F(ModuleWriter, OnAFullDiskNoTemporaryCopyIsLeft) {
  const std::string old = SmallModule() + Signature();
  Put(old);
  WriteOptions drop;
  drop.drop_signature = true;
  {
    const FullDisk full(100);
    ExpectError(Write(kEdits, drop).status(), absl::StatusCode::kOutOfRange,
                "cannot write");
  }
  EXPECT_EQ(Get(), old);
  EXPECT_EQ(Listing(), "m.ko\n");
}

TEST_F(ModuleWriter, IdsKeepTheirSize) {
  Put(SmallModule());
  ExpectError(Write({{kBtfIds, "1234"}}).status(),
              absl::StatusCode::kFailedPrecondition,
              "section 3 (.BTF_ids): cannot change its size from 8 to 4 bytes");
  Put(ElfBuilder().Build());
  ExpectError(Write({{kBtfIds, "1234"}}).status(),
              absl::StatusCode::kFailedPrecondition, "no section .BTF_ids");
}

TEST_F(ModuleWriter, TwoSectionsOfTheNameAreAnError) {
  ElfBuilder elf;
  elf.AddSection(".BTF", kOldBtf);
  elf.AddSection(".BTF", kOldBtf);
  Put(elf.Build());
  ExpectError(Write(kEdits).status(), absl::StatusCode::kInvalidArgument,
              "section 2 (.BTF) at offset 0x46: section 1 has that name, too");
}

TEST_F(ModuleWriter, AnOutputThatIsNoRegularFileIsWrittenThrough) {
  Put(SmallModule());
  WriteOptions options;
  options.output = dir_.file("fifo");
  ASSERT_EQ(mkfifo(options.output.c_str(), 0600), 0);
  for (const bool changes : {true, false}) {
    std::string read;
    std::thread reader([&] { read = ReadFileOrEmpty(options.output); });
    const std::vector<SectionEdit> nothing = {{kBtf, kOldBtf}};
    const auto result = Write(changes ? kEdits : nothing, options);
    reader.join();
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(*result, WriteResult::kThrough);
    EXPECT_EQ(Get(), SmallModule());
    if (changes) MustWrite(kEdits);
    EXPECT_EQ(read, Get());
    Put(SmallModule());
    struct stat st;
    ASSERT_EQ(lstat(options.output.c_str(), &st), 0);
    EXPECT_TRUE(S_ISFIFO(st.st_mode));
  }
}

// The path of what is to replace it would be longer than paths can be.
TEST_F(ModuleWriter, WhatCannotBeReplacedIsOverwrittenAfterANotice) {
  std::string directory = dir_.path();
  while (directory.size() + 300 < PATH_MAX) {
    directory += "/" + std::string(200, 'd');
  }
  directory += "/" + std::string(PATH_MAX - 8 - directory.size(), 'd');
  ASSERT_EQ(RunProcess({"mkdir", "-p", directory}).exit_code, 0);
  const std::string deep = directory + "/m.ko";
  WriteOptions options;
  std::vector<std::string> notices;
  options.notice = [&](const std::string& notice) {
    notices.push_back(notice);
  };
  options.drop_signature = true;
  for (const std::string& old : {SmallModule(), SmallModule() + Signature()}) {
    Put(old);
    tests::WriteFile(deep, old);
    const ino_t inode = InodeOf(deep);
    notices.clear();
    const auto module = ModuleFile::Open(deep);
    const auto result = WriteModule(*module, kEdits, options);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(*result, WriteResult::kInPlace);
    EXPECT_EQ(InodeOf(deep), inode);
    EXPECT_THAT(notices, ElementsAre(HasSubstr("is overwritten in its place")));
    EXPECT_EQ(MustWrite(kEdits, options), WriteResult::kReplaced);
    EXPECT_EQ(ReadFileOrEmpty(deep), Get()) << "the bytes depend on the way";
  }
  // Another output that cannot be replaced.
  Put(SmallModule());
  options.output = deep;
  EXPECT_EQ(MustWrite({{kBtf, kOldBtf}}, options), WriteResult::kInPlace);
  EXPECT_EQ(ReadFileOrEmpty(deep), SmallModule());
}

// vmlinux: what is allocated is part of a segment.
std::string WithSegments() {
  ElfBuilder elf;
  elf.header(elf.AddSection(".BTF", kOldBtf)).sh_flags = SHF_ALLOC;
  elf.header(elf.AddSection(".BTF_ids", kOldIds)).sh_flags = SHF_ALLOC;
  std::string bytes = elf.Build();
  bytes[offsetof(Elf64_Ehdr, e_type)] = ET_EXEC;
  bytes[offsetof(Elf64_Ehdr, e_phnum)] = 1;
  return bytes;
}

TEST_F(ModuleWriter, WhatASegmentHoldsStaysInItsPlace) {
  Put(WithSegments());
  const uint64_t offset = Open().btf_ids()->header.sh_offset;
  EXPECT_EQ(MustWrite({{kBtfIds, kNewIds}, {kBtfBase, kNewBase}}),
            WriteResult::kReplaced);
  EXPECT_EQ(Open().btf_ids()->header.sh_offset, offset);
  EXPECT_EQ(Open().btf_ids()->content, kNewIds);
  EXPECT_EQ(Open().BtfBaseContent().value(), kNewBase);
  ExpectError(Write({{kBtf, kNewBtf}}).status(),
              absl::StatusCode::kFailedPrecondition,
              "section 1 (.BTF): cannot change its size");
}

}  // namespace
}  // namespace btfd::elf
