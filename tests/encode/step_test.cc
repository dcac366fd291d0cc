// SPDX-License-Identifier: Apache-2.0
//
// btfc gen-btf without a pahole, on Linux 7.3's modules with their DWARF,
// compared with upstream's scripts/gen-btf.sh with pahole 1.32 and 7.3's
// resolve_btfids. Every section that either writes must have the same bytes.
#include <elf.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/module_file.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPaholeFlags[] =
    "PAHOLE_FLAGS=--btf_features=encode_force,var,float,enum64,decl_tag,"
    "type_tag,optimized_func,consistent_func --btf_features=layout "
    "--lang_exclude=rust";

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

std::string NameOf(const std::string& path) {
  return fs::path(path).filename();
}

class WholeStep : public ::testing::Test {
 protected:
  void SetUp() override {
    data_ = TestdataRoot() + "/dbg/7.3";
    base_ = data_ + "/vmlinux.1.32.btf";
    pahole_ = TestdataRoot() + "/peers/pahole-1.32/pahole";
    ASSERT_TRUE(fs::exists(base_) && fs::exists(pahole_))
        << "run tools/testdata";
    const absl::StatusOr<std::string> peer = FindPeer("7.3");
    ASSERT_TRUE(peer.ok()) << peer.status();
    peer_ = *peer;
    for (const absl::string_view line :
         absl::StrSplit(ReadFileOrEmpty(data_ + "/modules.list"), '\n',
                        absl::SkipEmpty())) {
      modules_.push_back(absl::StrCat(data_, "/", line));
    }
    ASSERT_GE(modules_.size(), 1000u);
  }

  std::vector<std::string> KbuildEnvironment(
      const std::string& pahole, const std::string& resolver) const {
    return {"PAHOLE=" + pahole,
            kPaholeFlags,
            "PAHOLE_LANG_EXCLUDE",
            "RESOLVE_BTFIDS=" + resolver,
            "RESOLVE_BTFIDS_FLAGS=",
            "OBJCOPY=objcopy",
            "CC=gcc",
            "KERNELVERSION=7.3.0"};
  }

  // Runs upstream's script. If `in` names our tools, the script uses them.
  ProcessResult Script(const std::string& elf, const std::string& in,
                       const std::vector<std::string>& environment,
                       bool is_module = true) const {
    std::vector<std::string> command = {
        "sh",
        fs::path(peer_).parent_path().string() + "/src/scripts/gen-btf.sh"};
    if (is_module) command.insert(command.end(), {"--btf_base", base_});
    command.push_back(elf);
    return RunProcess(command, {environment, in, ""});
  }

  // Runs our command with a PATH in which there is no pahole.
  ProcessResult Ours(const std::vector<std::string>& arguments,
                     const std::string& in,
                     const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command = {daemon_.programs().btfc, "gen-btf"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::vector<std::string> environment = KbuildEnvironment("pahole", "none");
    environment.push_back("PATH=/no/such/directory");
    environment.insert(environment.end(), more.begin(), more.end());
    return RunProcess(command, {daemon_.Environment(environment), in, ""});
  }

  void ExpectSameSections(const std::string& ours,
                          const std::string& theirs) const {
    const auto btf = Section(ours, ".BTF");
    EXPECT_TRUE(btf.has_value()) << ours;
    for (const char* section : {".BTF", ".BTF.base", ".BTF_ids"}) {
      EXPECT_TRUE(Section(ours, section) == Section(theirs, section))
          << section << " of " << ours;
    }
  }

  // Makes the module as the linker left it. The package's module has BTF, but
  // that was made over another base.
  static void CopyLinked(const std::string& module, const std::string& to) {
    const ProcessResult result =
        RunProcess({"objcopy", "--remove-section", ".BTF", module, to});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void CopyNamed(const std::string& name, const std::string& to) const {
    const auto found = ModulesNamed(modules_, {name});
    ASSERT_EQ(found.size(), 1u) << name;
    CopyLinked(found[0], to);
  }

  // Makes `modules` as upstream finishes them, in `to`.
  void MakeExpected(const std::vector<std::string>& modules,
                    const ScratchDir& to) const {
    for (const std::string& module : modules) {
      CopyLinked(module, to.file(NameOf(module)));
      const ProcessResult result =
          Script(NameOf(module), to.path(), KbuildEnvironment(pahole_, peer_));
      ASSERT_EQ(result.exit_code, 0) << module << ": " << result.err;
    }
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  std::string data_, base_, pahole_, peer_;
  std::vector<std::string> modules_;
};

// Takes a dozen modules here; tools/peer-check takes BTFD_STEP_MODULES.
TEST_F(WholeStep, GivesUpstreamsBytesWithoutAnyPahole) {
  const char* const asked = getenv("BTFD_STEP_MODULES");
  const std::vector<std::string> spread =
      SpreadBySize(modules_, asked == nullptr ? 12 : std::stoul(asked));
  ScratchDir theirs, ours;
  for (const std::string& module : spread) {
    const std::string name = NameOf(module);
    MakeExpected({module}, theirs);
    CopyLinked(module, ours.file(name));
    const ProcessResult result = Ours({"--btf_base", base_, name}, ours.path());
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "");
    ExpectSameSections(ours.file(name), theirs.file(name));
    fs::remove(ours.file(name));
    fs::remove(theirs.file(name));
  }
  EXPECT_TRUE(fs::is_empty(ours.path())) << "something was left behind";
}

TEST_F(WholeStep, StartsNoPaholeThatIsThere) {
  ScratchDir bin, ours;
  WriteFile(bin.file("pahole"),
            absl::StrCat("#!/bin/sh\n: > ", bin.file("started"), "\n"));
  fs::permissions(bin.file("pahole"), fs::perms::owner_all);
  CopyNamed("nf_conntrack", ours.file("nf_conntrack.ko"));
  for (const char* exact : {"--upstream-exact", "-j1"}) {
    const ProcessResult result =
        Ours({exact, "--btf_base", base_, "nf_conntrack.ko"}, ours.path(),
             {absl::StrCat("PATH=", bin.path(), ":/usr/bin:/bin"),
              "BTFD_PAHOLE_VERSION=1.32", "BTFD_ENCODER=native"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_FALSE(fs::exists(bin.file("started")));
  }
}

// Linkers write relocations in the order of their offsets, and the client takes
// them to be so until it sees otherwise.
TEST_F(WholeStep, RelocationsMayStandInAnyOrder) {
  constexpr size_t kEntry = sizeof(Elf64_Rela);
  for (const bool few : {false, true}) {
    ScratchDir ours;
    const std::string linked = ours.file("nf_conntrack.ko");
    const std::string shuffled = ours.file("shuffled.ko");
    CopyNamed("nf_conntrack", linked);
    std::string bytes = ReadFileOrEmpty(linked);
    const auto table = Section(linked, ".rela.debug_info");
    ASSERT_TRUE(table.has_value());
    const size_t place = bytes.find(*table);
    ASSERT_NE(place, std::string::npos);
    const size_t count = table->size() / kEntry;
    // Two of them near the end, or all.
    for (size_t i = few ? count - 5 : 1; i < (few ? count - 4 : count); ++i) {
      const size_t other = few ? i + 1 : i * 7919 % count;
      std::swap_ranges(bytes.begin() + place + i * kEntry,
                       bytes.begin() + place + (i + 1) * kEntry,
                       bytes.begin() + place + other * kEntry);
    }
    WriteFile(shuffled, bytes);
    for (const std::string& name : {linked, shuffled}) {
      const ProcessResult result =
          Ours({"--btf_base", base_, name}, ours.path(),
               {"BTFD_ENCODER=native", "BTFD_PAHOLE_VERSION=1.32"});
      ASSERT_EQ(result.exit_code, 0) << result.err;
    }
    ExpectSameSections(shuffled, linked);
  }
}

// By the daemon, and by the client alone.
TEST_F(WholeStep, OfManyModulesInOneCall) {
  const std::vector<std::string> spread = ModulesNamed(
      modules_, {"af_key", "nf_conntrack", "nf_nat", "ip_set", "tun"});
  ASSERT_EQ(spread.size(), 5u);
  ScratchDir theirs, ours;
  MakeExpected(spread, theirs);
  std::vector<std::string> names;
  for (const std::string& module : spread) names.push_back(NameOf(module));
  WriteFile(ours.file("list"), absl::StrJoin(names, "\n") + "\n");
  for (const char* disable : {"0", "1"}) {
    for (const std::string& module : spread) {
      CopyLinked(module, ours.file(NameOf(module)));
    }
    const ProcessResult result = Ours(
        {"--btf_base", base_, "--from-file", "list", "-j", "2"}, ours.path(),
        {absl::StrCat("BTFD_DISABLE=", disable), "BTFD_REQUIRE=0"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(daemon_.Pid().ok(), disable[0] == '0');
    EXPECT_THAT(result.out, HasSubstr("5 modules finalized, 0 failed"));
    for (const std::string& name : names) {
      EXPECT_THAT(result.out, HasSubstr(name + ": "));
      ExpectSameSections(ours.file(name), theirs.file(name));
    }
    if (daemon_.Pid().ok()) {
      ASSERT_TRUE(daemon_.Stop().ok());
    }
  }
}

TEST_F(WholeStep, OneOfManyThatFailsIsNamedAndTheOthersAreDone) {
  ScratchDir ours;
  CopyNamed("af_key", ours.file("af_key.ko"));
  WriteFile(ours.file("bad.ko"), "no ELF");
  const ProcessResult result = Ours(
      {"--btf_base", base_, "bad.ko", "af_key.ko", "missing.ko"}, ours.path());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("btfc: bad.ko"));
  EXPECT_THAT(result.err, HasSubstr("btfc: missing.ko"));
  EXPECT_THAT(result.out, HasSubstr("1 modules finalized, 2 failed"));
  EXPECT_TRUE(Section(ours.file("af_key.ko"), ".BTF").has_value());
  EXPECT_EQ(ReadFileOrEmpty(ours.file("bad.ko")), "no ELF");
}

TEST_F(WholeStep, AnInterruptedCallTellsWhatItDid) {
  constexpr int kModules = 300;
  ScratchDir ours;
  CopyNamed("af_key", ours.file("old"));
  std::string list;
  for (int i = 0; i < kModules; ++i) {
    const std::string name = absl::StrCat("m", i, ".ko");
    fs::copy_file(ours.file("old"), ours.file(name));
    absl::StrAppend(&list, name, "\n");
  }
  WriteFile(ours.file("list"), list);
  std::vector<std::string> environment = KbuildEnvironment("pahole", "none");
  environment.push_back("BTFC=" + daemon_.programs().btfc);
  environment.push_back("BASE=" + base_);
  environment.push_back("BTFD_ENCODER=native");
  environment.push_back("BTFD_PAHOLE_VERSION=1.32");
  // A shell makes its background processes ignore SIGINT.
  const ProcessResult result = RunProcess(
      {"sh", "-c",
       "env --default-signal=INT $BTFC gen-btf --btf_base $BASE -j2 "
       "--from-file list >out 2>err &\n"
       "p=$!; while kill -0 $p && cmp -s old m10.ko; do sleep 0.01; done\n"
       "kill -INT $p; wait $p; echo $?"},
      {daemon_.Environment(environment), ours.path(), ""});
  EXPECT_EQ(result.out, "130\n") << result.err;
  EXPECT_EQ(ReadFileOrEmpty(ours.file("err")), "");
  const std::string old = ReadFileOrEmpty(ours.file("old"));
  const std::string said = ReadFileOrEmpty(ours.file("out"));
  int changed = 0;
  for (int i = 0; i < kModules; ++i) {
    const std::string name = absl::StrCat("m", i, ".ko");
    const bool is_new = ReadFileOrEmpty(ours.file(name)) != old;
    changed += is_new;
    EXPECT_EQ(absl::StrContains(said, name + ": "), is_new) << name;
    if (is_new) {
      EXPECT_TRUE(Section(ours.file(name), ".BTF").has_value());
    }
  }
  EXPECT_GT(changed, 10);
  EXPECT_THAT(said, HasSubstr(absl::StrCat("interrupted: ", kModules - changed,
                                           " modules are left")));
}

// If there is no base, the script takes any ELF file with DWARF for a vmlinux.
TEST_F(WholeStep, LeavesBesideVmlinuxWhatUpstreamLeaves) {
  ScratchDir theirs, ours;
  CopyNamed("nf_conntrack", theirs.file("vmlinux"));
  fs::copy_file(theirs.file("vmlinux"), ours.file("vmlinux"));
  const std::string before = ReadFileOrEmpty(ours.file("vmlinux"));
  fs::create_directories(theirs.file("include/config"));
  WriteFile(theirs.file("include/config/auto.conf"), "");
  std::vector<std::string> environment = KbuildEnvironment(pahole_, peer_);
  environment.push_back("objtree=" + theirs.path());
  const ProcessResult expected =
      Script("vmlinux", theirs.path(), environment, /*is_module=*/false);
  ASSERT_EQ(expected.exit_code, 0) << expected.err;
  const ProcessResult result = Ours({"vmlinux"}, ours.path());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(Section(ours.file("vmlinux.btf.o"), ".BTF") ==
              Section(theirs.file("vmlinux.btf.o"), ".BTF"));
  EXPECT_NE(ReadFileOrEmpty(ours.file("vmlinux.BTF_ids")), "");
  EXPECT_TRUE(ReadFileOrEmpty(ours.file("vmlinux.BTF_ids")) ==
              ReadFileOrEmpty(theirs.file("vmlinux.BTF_ids")));
  EXPECT_TRUE(ReadFileOrEmpty(ours.file("vmlinux")) == before);
}

TEST_F(WholeStep, OfUpstreamsScriptWithOurTools) {
  const std::vector<std::string> modules =
      ModulesNamed(modules_, {"nf_conntrack"});
  ScratchDir theirs, ours, bin;
  MakeExpected(modules, theirs);
  for (const char* name : {"pahole", "resolve_btfids"}) {
    fs::create_symlink(daemon_.programs().btfc, bin.file(name));
  }
  CopyNamed("nf_conntrack", ours.file("nf_conntrack.ko"));
  std::vector<std::string> environment =
      KbuildEnvironment(bin.file("pahole"), bin.file("resolve_btfids"));
  environment.push_back("BTFD_ENCODER=native");
  environment.push_back("BTFD_PAHOLE_VERSION=1.32");
  const ProcessResult result =
      Script("nf_conntrack.ko", ours.path(), daemon_.Environment(environment));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ExpectSameSections(ours.file("nf_conntrack.ko"),
                     theirs.file("nf_conntrack.ko"));
}

TEST_F(WholeStep, SurvivesADaemonThatIsKilledMidway) {
  const std::vector<std::string> spread = ModulesNamed(
      modules_, {"af_key", "nf_conntrack", "nf_nat", "ip_set", "tun", "dummy"});
  ScratchDir theirs, ours;
  MakeExpected(spread, theirs);
  std::vector<std::string> call = {"--btf_base", base_, "-j2"};
  for (const std::string& module : spread) {
    CopyLinked(module, ours.file(NameOf(module)));
    call.push_back(NameOf(module));
  }
  ASSERT_TRUE(daemon_.Start().ok());
  // The daemon is killed after its first answers, and another one is started.
  std::thread killer([this] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      const absl::StatusOr<int> pid = daemon_.Pid();
      if (pid.ok()) kill(*pid, SIGKILL);
    }
  });
  const ProcessResult result = Ours(call, ours.path(), {"BTFD_REQUIRE=0"});
  killer.join();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const std::string& module : spread) {
    ExpectSameSections(ours.file(NameOf(module)), theirs.file(NameOf(module)));
  }
}

TEST_F(WholeStep, WrongCallsAreRefused) {
  ScratchDir ours;
  EXPECT_EQ(Ours({}, ours.path()).exit_code, 2);
  EXPECT_EQ(Ours({"-j", "0", "x.ko"}, ours.path()).exit_code, 2);
  EXPECT_EQ(Ours({"--no-such-option", "x.ko"}, ours.path()).exit_code, 2);
  const ProcessResult version =
      Ours({"x.ko"}, ours.path(), {"BTFD_PAHOLE_VERSION=1.29"});
  EXPECT_EQ(version.exit_code, 255);
  EXPECT_THAT(version.err, HasSubstr("BTFD_PAHOLE_VERSION is 1.24, 1.30, "));
  const ProcessResult encoder =
      Ours({"x.ko"}, ours.path(), {"BTFD_ENCODER=yes"});
  EXPECT_EQ(encoder.exit_code, 255);
  EXPECT_THAT(encoder.err, HasSubstr("BTFD_ENCODER is native or pahole"));
}

TEST_F(WholeStep, WithoutDwarfNothingIsTouched) {
  ScratchDir ours;
  CopyNamed("af_key", ours.file("a.ko"));
  ASSERT_EQ(
      RunProcess({"objcopy", "--strip-debug", ours.file("a.ko")}).exit_code, 0);
  const std::string before = ReadFileOrEmpty(ours.file("a.ko"));
  const ProcessResult result = Ours({"--btf_base", base_, "a.ko"}, ours.path());
  EXPECT_EQ(result.exit_code, 255);
  EXPECT_THAT(result.err, HasSubstr("a.ko: there is no DWARF"));
  EXPECT_TRUE(ReadFileOrEmpty(ours.file("a.ko")) == before);
}

TEST_F(WholeStep, ExplainsWhatHasNoFunc) {
  ScratchDir ours;
  CopyNamed("nf_conntrack", ours.file("a.ko"));
  const ProcessResult result =
      Ours({"--explain=why", "--btf_base", base_, "a.ko"}, ours.path());
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, Not(HasSubstr("no FUNC")));
  const std::string why = ReadFileOrEmpty(ours.file("why"));
  EXPECT_THAT(why, ::testing::ContainsRegex(
                       "a\\.ko: [a-z_0-9.]+: no FUNC: [a-z ]+ \\(DIE 0x"));
  // Explanations are appended, because many calls of one build may name the
  // same file.
  ASSERT_EQ(Ours({"--explain=why", "--btf_base", base_, "a.ko"}, ours.path())
                .exit_code,
            0);
  EXPECT_EQ(ReadFileOrEmpty(ours.file("why")), why + why);
}

}  // namespace
}  // namespace btfd::tests
