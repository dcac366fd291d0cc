// SPDX-License-Identifier: Apache-2.0
//
// btfc gen-btf and btfc pahole, on modules that real kbuild has linked without
// BTF, compared with upstream's scripts/gen-btf.sh, upstream's tool and the
// same pahole.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/module_file.h"
#include "tests/kbuild/module_tree.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kModules[] = {"btfd_kfuncs.ko", "btfd_plain.ko"};

// What kbuild exports for pahole 1.24.
constexpr char kPaholeFlags[] =
    "PAHOLE_FLAGS=--btf_gen_floats --lang_exclude=rust";

// The content of a section; nothing if there is no such section.
std::optional<std::string> Section(const std::string& path,
                                   absl::string_view name) {
  const auto file = elf::ModuleFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return std::nullopt;
  for (uint32_t i = 1; i < file->section_count(); ++i) {
    const elf::Section section = file->section(i);
    if (section.name == name) return std::string(section.content);
  }
  return std::nullopt;
}

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Parameter: the release whose gen-btf.sh and resolve_btfids are the oracle.
class GenBtf : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::string> build = FindBuildDirectory("6.12");
    ASSERT_TRUE(build.ok()) << build.status();
    const absl::StatusOr<std::string> peer = FindPeer(GetParam());
    ASSERT_TRUE(peer.ok()) << peer.status();
    peer_ = *peer;
    base_ = *build + "/vmlinux";
    tree_ = std::make_unique<ModuleTree>(*build, "tests/kbuild/module");
    // With these tools the build stops where the BTF step begins.
    const ProcessResult made =
        tree_->Make({"PAHOLE=true", "RESOLVE_BTFIDS=true"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    ASSERT_FALSE(Section(tree_->path() + "/btfd_kfuncs.ko", ".BTF"));
  }

  // Copies the linked modules to a directory of their own.
  void CopyModules(const ScratchDir& to) const {
    for (const char* module : kModules) {
      fs::copy_file(tree_->path() + "/" + module, to.file(module));
    }
  }

  std::vector<std::string> KbuildEnvironment(const std::string& flags) const {
    return {"PAHOLE=pahole",
            kPaholeFlags,
            "RESOLVE_BTFIDS=" + peer_,
            "RESOLVE_BTFIDS_FLAGS=" + flags,
            "OBJCOPY=objcopy",
            "CC=gcc",
            "objtree=" + tree_->build_directory(),
            absl::StrCat("KERNELVERSION=", GetParam(), ".0")};
  }

  ProcessResult Upstream(const std::string& flags,
                         const std::vector<std::string>& arguments,
                         const ScratchDir& in) const {
    std::vector<std::string> command = {
        "sh",
        fs::path(peer_).parent_path().string() + "/src/scripts/gen-btf.sh"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProcess(command, {KbuildEnvironment(flags), in.path(), ""});
  }

  ProcessResult Ours(const std::string& flags,
                     const std::vector<std::string>& arguments,
                     const ScratchDir& in,
                     std::vector<std::string> more = {}) const {
    std::vector<std::string> command = {daemon_.programs().btfc, "gen-btf"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::vector<std::string> environment = KbuildEnvironment(flags);
    environment.insert(environment.end(), more.begin(), more.end());
    return RunProcess(command,
                      {daemon_.Environment(environment), in.path(), ""});
  }

  // Once by our encoder, and once, with the base, by the real pahole.
  void ExpectModulesAsUpstreams(const std::string& flags) const {
    for (const char* encoder : {"native", "pahole"}) {
      ExpectModulesAsUpstreams(flags, encoder);
    }
  }
  void ExpectModulesAsUpstreams(const std::string& flags,
                                const std::string& encoder) const {
    SCOPED_TRACE(encoder);
    ScratchDir theirs, ours;
    CopyModules(theirs);
    CopyModules(ours);
    for (const char* module : kModules) {
      const ProcessResult expected =
          Upstream(flags, {"--btf_base", base_, module}, theirs);
      ASSERT_EQ(expected.exit_code, 0) << expected.err;
      const ProcessResult result =
          Ours(flags, {"--upstream-exact", "--btf_base", base_, module}, ours,
               {"BTFD_ENCODER=" + encoder});
      EXPECT_EQ(result.exit_code, 0) << result.err;
      for (const char* section : {".BTF", ".BTF.base", ".BTF_ids"}) {
        EXPECT_TRUE(Section(ours.file(module), section) ==
                    Section(theirs.file(module), section))
            << section << " of " << module;
      }
    }
    EXPECT_EQ(FilesIn(ours.path()), FilesIn(theirs.path()));
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  std::string peer_;
  std::string base_;
  std::unique_ptr<ModuleTree> tree_;
};

INSTANTIATE_TEST_SUITE_P(Releases, GenBtf, ::testing::Values("7.2", "7.3"),
                         [](const auto& info) {
                           return info.param == "7.2" ? "v7_2" : "v7_3";
                         });

TEST_P(GenBtf, LeavesAnInTreeModuleAsUpstreamDoes) {
  ExpectModulesAsUpstreams("");
}

TEST_P(GenBtf, LeavesAnExternalModuleAsUpstreamDoes) {
  ExpectModulesAsUpstreams("--distill_base");
}

TEST_P(GenBtf, LeavesBesideVmlinuxWhatUpstreamLeaves) {
  ScratchDir theirs, ours;
  CopyModules(theirs);
  CopyModules(ours);
  // If there is no base, the script takes any ELF file with DWARF for a
  // vmlinux.
  const char* vmlinux = kModules[0];
  const ProcessResult expected = Upstream("", {vmlinux}, theirs);
  ASSERT_EQ(expected.exit_code, 0) << expected.err;
  const ProcessResult result = Ours("", {vmlinux}, ours);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(FilesIn(ours.path()), FilesIn(theirs.path()));
  const std::string object = absl::StrCat(vmlinux, ".btf.o");
  EXPECT_TRUE(Section(ours.file(object), ".BTF") ==
              Section(theirs.file(object), ".BTF"));
  const std::string ids = absl::StrCat(vmlinux, ".BTF_ids");
  EXPECT_EQ(ReadFileOrEmpty(ours.file(ids)), ReadFileOrEmpty(theirs.file(ids)));
  EXPECT_NE(ReadFileOrEmpty(ours.file(ids)), "");
  EXPECT_TRUE(ReadFileOrEmpty(ours.file(vmlinux)) ==
              ReadFileOrEmpty(theirs.file(vmlinux)));
}

// When pahole 1.24 reads the base itself, it leaves no duplicates in modules as
// small as these. So here even the bytes are the same.
TEST_P(GenBtf, OverTheDaemonsBaseMakesTheSameSections) {
  for (const char* flags : {"", "--distill_base"}) {
    ScratchDir theirs, ours;
    CopyModules(theirs);
    CopyModules(ours);
    for (const char* module : kModules) {
      const std::vector<std::string> call = {"--btf_base", base_, module};
      ASSERT_EQ(Upstream(flags, call, theirs).exit_code, 0);
      const ProcessResult result = Ours(flags, call, ours);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      for (const char* section : {".BTF", ".BTF.base", ".BTF_ids"}) {
        EXPECT_TRUE(Section(ours.file(module), section) ==
                    Section(theirs.file(module), section))
            << section << " of " << module << " with " << flags;
      }
    }
  }
}

// The real pahole encodes without the base, and the daemon puts the result over
// it.
TEST_P(GenBtf, OverTheDaemonsBaseIsNoLargerAndJustAsSound) {
  ScratchDir theirs, ours;
  CopyModules(theirs);
  CopyModules(ours);
  for (const char* module : kModules) {
    ASSERT_EQ(Upstream("", {"--btf_base", base_, module}, theirs).exit_code, 0);
    const ProcessResult result =
        Ours("", {"--btf_base", base_, module}, ours, {"BTFD_ENCODER=pahole"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto btf = Section(ours.file(module), ".BTF");
    ASSERT_TRUE(btf.has_value());
    EXPECT_LE(btf->size(), Section(theirs.file(module), ".BTF")->size());
    // Upstream's tool finds no duplicates in it, and resolves the sets of the
    // linked module to the same ids.
    const std::string linked = tree_->path() + "/" + module;
    WriteFile(ours.file("made"), *btf);
    const ProcessResult again = RunProcess(
        {peer_, "--btf", ours.file("made"), "--btf_base", base_, linked});
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(again.err, "") << module;
    // Only the size is compared, since 7.3's dedup orders strings anew, even of
    // its own output.
    EXPECT_EQ(ReadFileOrEmpty(linked + ".BTF").size(), btf->size()) << module;
    EXPECT_EQ(ReadFileOrEmpty(linked + ".BTF_ids"),
              Section(ours.file(module), ".BTF_ids").value_or(""));
  }
}

TEST_P(GenBtf, PaholesFailureEndsItAndLeavesNothing) {
  ScratchDir ours;
  CopyModules(ours);
  const std::string before = ReadFileOrEmpty(ours.file(kModules[0]));
  const ProcessResult result = Ours("", {"--btf_base", base_, kModules[0]},
                                    ours, {"PAHOLE=sh -c 'exit 3' pahole"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("btfd_kfuncs.ko: pahole ended with exit"));
  EXPECT_THAT(FilesIn(ours.path()), ElementsAre(kModules[0], kModules[1]));
  EXPECT_TRUE(ReadFileOrEmpty(ours.file(kModules[0])) == before);
}

TEST_P(GenBtf, ShowsItsCommandsWhereMakeIsVerbose) {
  ScratchDir ours;
  CopyModules(ours);
  const ProcessResult result =
      Ours("", {"--btf_base", base_, kModules[1]}, ours, {"KBUILD_VERBOSE=1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("+ encode as pahole 1.24 ("));
  EXPECT_THAT(result.err, HasSubstr("finalize as Linux " + GetParam()));
  EXPECT_THAT(result.err, Not(HasSubstr("pahole -J")));
}

TEST_P(GenBtf, ShowsWhatTheRealPaholeIsCalledWith) {
  ScratchDir ours;
  CopyModules(ours);
  const ProcessResult result =
      Ours("", {"--btf_base", base_, kModules[1]}, ours,
           {"KBUILD_VERBOSE=1", "BTFD_ENCODER=pahole"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("pahole -J --btf_gen_floats"));
  EXPECT_THAT(result.err, Not(HasSubstr("--btf_base")));
}

TEST_P(GenBtf, WrongFlagsAreNamed) {
  ScratchDir ours;
  CopyModules(ours);
  const ProcessResult result =
      Ours("--no_such", {"--btf_base", base_, kModules[1]}, ours);
  EXPECT_EQ(result.exit_code, 255);
  EXPECT_THAT(result.err, HasSubstr("RESOLVE_BTFIDS_FLAGS"));
}

class Pahole : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::string> build = FindBuildDirectory("6.12");
    ASSERT_TRUE(build.ok()) << build.status();
    tree_ = std::make_unique<ModuleTree>(*build, "tests/kbuild/module");
    fs::create_symlink(daemon_.programs().btfc, bin_.file("pahole"));
    fs::create_symlink(daemon_.programs().btfc, bin_.file("resolve_btfids"));
  }

  ProcessResult Run(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment = {}) const {
    std::vector<std::string> command = {bin_.file("pahole")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunProcess(command,
                      {daemon_.Environment(environment), tree_->path(), ""});
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir bin_;
  std::unique_ptr<ModuleTree> tree_;
};

// When pahole 1.24 reads the base itself, it leaves no duplicates in modules as
// small as these. So here even the bytes are the same.
TEST_F(Pahole, UnderKbuildMakesTheSameSections) {
  ScratchDir theirs;
  ASSERT_EQ(tree_->Make({}).exit_code, 0);
  for (const char* module : kModules) {
    fs::copy_file(tree_->path() + "/" + module, theirs.file(module));
  }
  const ProcessResult build =
      tree_->Make({"PAHOLE=" + bin_.file("pahole"),
                   "RESOLVE_BTFIDS=" + bin_.file("resolve_btfids")},
                  daemon_.Environment());
  ASSERT_EQ(build.exit_code, 0) << build.err;
  for (const char* module : kModules) {
    for (const char* section : {".BTF", ".BTF_ids"}) {
      EXPECT_TRUE(Section(tree_->path() + "/" + module, section) ==
                  Section(theirs.file(module), section))
          << section << " of " << module;
    }
  }
  EXPECT_TRUE(daemon_.Pid().ok());
}

TEST_F(Pahole, DistillsWhatAnOldPaholeCannot) {
  ASSERT_EQ(tree_->Make({"PAHOLE=true", "RESOLVE_BTFIDS=true"}).exit_code, 0);
  // A pahole without --btf_features. Our program must not pass that option to
  // it.
  WriteFile(bin_.file("old"),
            "#!/bin/sh\ncase \"$*\" in *distilled*) exit 9;; esac\n"
            "for word; do shift; case $word in --btf_features*) ;;\n"
            "*) set -- \"$@\" \"$word\";; esac; done\nexec pahole \"$@\"\n");
  fs::permissions(bin_.file("old"), fs::perms::owner_all);
  const ProcessResult result =
      Run({"-J", "--btf_features=distilled_base", "--btf_base",
           tree_->build_directory() + "/vmlinux", "btfd_plain.ko"},
          {"BTFD_PAHOLE=" + bin_.file("old")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(Section(tree_->path() + "/btfd_plain.ko", ".BTF.base"));
}

TEST_F(Pahole, OtherCallsAreHandedOnUntouched) {
  const ProcessResult real = RunProcess({"pahole", "--version"});
  const ProcessResult result = Run(
      {"--version"}, {absl::StrCat("PATH=", bin_.path(), ":/usr/bin:/bin")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, real.out);
  const ProcessResult echoed =
      Run({"-F", "btf", "with blanks"}, {"BTFD_PAHOLE=echo"});
  EXPECT_EQ(echoed.out, "-F btf with blanks\n");
  EXPECT_FALSE(daemon_.Pid().ok());
}

TEST_F(Pahole, WithoutAnyDaemonTheBytesAreTheSame) {
  ASSERT_EQ(tree_->Make({}).exit_code, 0);
  const auto expected = Section(tree_->path() + "/btfd_plain.ko", ".BTF");
  ASSERT_EQ(tree_->Make({"PAHOLE=true", "RESOLVE_BTFIDS=true"}).exit_code, 0);
  const std::vector<std::string> call = {"-J", "--btf_gen_floats", "--btf_base",
                                         tree_->build_directory() + "/vmlinux",
                                         "btfd_plain.ko"};
  const ProcessResult required = Run(call, {"BTFD_DAEMON=/no/such/btfd"});
  EXPECT_EQ(required.exit_code, 1);
  EXPECT_THAT(required.err, HasSubstr("/no/such/btfd"));
  const ProcessResult result =
      Run(call, {"BTFD_DAEMON=/no/such/btfd", "BTFD_REQUIRE=0"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("goes on without the shared daemon"));
  EXPECT_TRUE(Section(tree_->path() + "/btfd_plain.ko", ".BTF") == expected);
}

TEST_F(Pahole, WhereThereIsNoneThatIsSaid) {
  const ProcessResult result =
      Run({"-C", "list_head", "vmlinux"}, {"PATH=" + bin_.path()});
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_THAT(result.err, HasSubstr("pahole: not found in PATH"));
}

}  // namespace
}  // namespace btfd::tests
