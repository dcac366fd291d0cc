// SPDX-License-Identifier: Apache-2.0
//
// `btfc diff` on real kernels. The judge of what changed is a script that
// compares what `btfc dump --format json` prints by means of its own; of what
// relocates, libbpf. A file does not differ from itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/oracle/oracle.h"
#include "tests/support/json.h"
#include "tests/support/module_input.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class DiffCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* series : {"6.12", "7.2", "7.3"}) {
      auto kernel = FindKernel(series);
      ASSERT_TRUE(kernel.ok()) << kernel.status();
      kernels_.push_back(*std::move(kernel));
    }
  }

  ProcessResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "diff");
    return daemon_.Client(arguments);
  }

  // The dump that the script reads, made once for each file.
  std::string JsonOf(const std::string& btf) {
    std::string& path = dumps_[btf];
    if (path.empty()) {
      path = scratch_.file(absl::StrCat(dumps_.size(), ".json"));
      const ProcessResult dump = daemon_.Client({"dump", "--format=json", btf});
      EXPECT_EQ(dump.exit_code, 0) << dump.err;
      WriteFile(path, dump.out);
    }
    return path;
  }
  void ExpectTheScriptAgrees(const std::string& a, const std::string& b) {
    const ProcessResult diff = Run({"--json", a, b});
    EXPECT_EQ(diff.exit_code, 1) << diff.err;
    WriteFile(scratch_.file("diff"), diff.out);
    const ProcessResult judged =
        RunProcess({"python3", "tests/e2e/independent_diff.py", JsonOf(a),
                    JsonOf(b), scratch_.file("diff")});
    EXPECT_EQ(judged.exit_code, 0) << a << " and " << b << ": " << judged.err;
    EXPECT_THAT(judged.out, EndsWith(" changes agree\n"));
  }

  // A 6.12 module, finalized with a .BTF.base.
  void Distill(const std::string& module, const std::string& copy) {
    fs::copy_file(module, copy);
    const ProcessResult result = daemon_.Client(
        {"finalize", "--base", kernels_[0].vmlinux_btf, "--dedup",
         "--profile=7.2", "--distill=always", "--drop-signature", copy});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  std::vector<Kernel> kernels_;
  std::map<std::string, std::string> dumps_;
};

TEST_F(DiffCommand, AFileDoesNotDifferFromItself) {
  size_t compared = 0;
  for (const Kernel& kernel : kernels_) {
    const ProcessResult vmlinux = Run({kernel.vmlinux, kernel.vmlinuz()});
    EXPECT_EQ(vmlinux.exit_code, 0) << vmlinux.err;
    EXPECT_EQ(vmlinux.out, "");
    const auto modules =
        SpreadUnlessAll("BTFD_DUMP_MODULES", kernel.modules, 10);
    for (const std::string& module : modules) {
      const ProcessResult result =
          Run({"--base", kernel.vmlinux_btf, module, module});
      EXPECT_EQ(result.exit_code, 0) << module << ": " << result.err;
      EXPECT_EQ(result.out, "") << module;
      ++compared;
    }
  }
  EXPECT_GE(compared, 27u);
  // A vmlinux that has its kfuncs' sets, and its BTF alone.
  const auto s390x = FindKernel("6.12-s390x");
  ASSERT_TRUE(s390x.ok()) << s390x.status();
  const ProcessResult forms = Run({s390x->vmlinux, s390x->vmlinux_btf});
  EXPECT_EQ(forms.exit_code, 0) << forms.err << forms.out;
  const std::string distilled = scratch_.file("distilled.ko");
  Distill(ModulesNamed(kernels_[0].modules, {"nf_conntrack"}).at(0), distilled);
  EXPECT_EQ(Run({distilled, distilled}).exit_code, 0);
}

TEST_F(DiffCommand, PointReleasesDifferAsTheScriptSays) {
  const auto releases = FindPointReleases();
  ASSERT_TRUE(releases.ok()) << releases.status();
  std::vector<std::string> files;
  for (const Kernel& release : *releases) files.push_back(release.vmlinux_btf);
  files.push_back(kernels_[0].vmlinux_btf);
  ASSERT_GE(files.size(), 2u);
  for (size_t i = 1; i < files.size(); ++i) {
    ExpectTheScriptAgrees(files[i - 1], files[i]);
  }
}

TEST_F(DiffCommand, MajorReleasesDifferAsTheScriptSays) {
  ExpectTheScriptAgrees(kernels_[1].vmlinux_btf, kernels_[2].vmlinux_btf);
}

TEST_F(DiffCommand, TextAndJsonSayTheSame) {
  const std::string& a = kernels_[1].vmlinux_btf;
  const std::string& b = kernels_[2].vmlinux_btf;
  const ProcessResult text = Run({a, b});
  const ProcessResult json = Run({"--json", a, b});
  EXPECT_EQ(text.exit_code, 1) << text.err;
  EXPECT_EQ(JsonAt(json.out, "a"), a);
  EXPECT_EQ(JsonAt(json.out, "same"), "false");
  size_t paragraphs = 0;
  for (const absl::string_view line : absl::StrSplit(text.out, '\n')) {
    if (!line.empty() && line[0] != ' ') ++paragraphs;
  }
  // The last one is the summary.
  EXPECT_EQ(JsonNumberAt(json.out, "changes"), paragraphs - 1);
  EXPECT_THAT(
      text.out,
      HasSubstr(absl::StrCat(
          "\nstruct: ", JsonNumberAt(json.out, "summary.struct.added"),
          " added, ", JsonNumberAt(json.out, "summary.struct.removed"),
          " removed, ", JsonNumberAt(json.out, "summary.struct.changed"),
          " changed; ")));
}

TEST_F(DiffCommand, ModulesOfTwoKernelsAreCompared) {
  const auto before = ModulesNamed(kernels_[1].modules, {"nf_conntrack"});
  const auto after = ModulesNamed(kernels_[2].modules, {"nf_conntrack"});
  ASSERT_EQ(before.size(), 1u);
  ASSERT_EQ(after.size(), 1u);
  const ProcessResult diff = Run({"--base", kernels_[1].vmlinuz(), "--base",
                                  kernels_[2].vmlinuz(), before[0], after[0]});
  EXPECT_EQ(diff.exit_code, 1) << diff.err;
  // 7.2's have flags by .BTF_ids as well.
  const ProcessResult json =
      Run({"--json", "--base", kernels_[1].vmlinux_btf, "--base",
           kernels_[2].vmlinux_btf, before[0], after[0]});
  EXPECT_GT(JsonNumberAt(json.out, "changes"), 0u) << json.err;
}

// Which modules stand in the way of an update: libbpf relocates the same ones.
TEST_F(DiffCommand, ModulesSayWhatTheyMeetAndWhetherTheyRelocate) {
  const auto releases = FindPointReleases();
  ASSERT_TRUE(releases.ok()) << releases.status();
  const std::string& b = releases->front().vmlinux_btf;
  const std::string directory = scratch_.file("modules");
  fs::create_directories(directory + "/sub");
  std::vector<std::string> distilled;
  for (const std::string& module : SpreadBySize(kernels_[0].modules, 20)) {
    distilled.push_back(absl::StrCat(directory, "/sub/", distilled.size(), "-",
                                     fs::path(module).stem().string(), ".ko"));
    Distill(module, distilled.back());
  }
  for (const std::string& module :
       ModulesNamed(kernels_[0].modules, {"act_bpf", "netconsole", "xt_TEE"})) {
    distilled.push_back(
        absl::StrCat(directory, "/", fs::path(module).filename().string()));
    Distill(module, distilled.back());
  }
  const ProcessResult json =
      Run({"--json", "--modules", directory, kernels_[0].vmlinux_btf, b});
  EXPECT_EQ(json.exit_code, 1) << json.err;
  ASSERT_EQ(JsonNumberAt(json.out, "modules"), distilled.size());

  const OracleBtf base = OracleParse(ReadFileOrEmpty(b), nullptr);
  ASSERT_NE(base, nullptr);
  size_t relocated = 0, stuck = 0, met = 0;
  for (size_t i = 0; i < distilled.size(); ++i) {
    const std::string entry = absl::StrCat("modules.", i, ".");
    const std::string path = JsonAt(json.out, entry + "module");
    const auto module = ReadModuleInput(path);
    ASSERT_TRUE(module.ok()) << module.status();
    const OracleBtf own_base = OracleParse(module->distilled_base, nullptr);
    const OracleBtf split = OracleParse(module->btf, own_base.get());
    const bool relocates = OracleRelocate(split.get(), base.get()) == 0;
    EXPECT_EQ(JsonAt(json.out, entry + "relocates"),
              relocates ? "true" : "false")
        << path;
    ++(relocates ? relocated : stuck);
    met += JsonNumberAt(json.out, entry + "changes") > 0 ? 1 : 0;
  }
  EXPECT_GT(relocated, 10u);
  EXPECT_GT(stuck, 0u);
  EXPECT_GT(met, 5u);

  // As they came, without .BTF.base, the same ones would relocate.
  const std::string plain = scratch_.file("plain");
  fs::create_directories(plain);
  for (const std::string& module :
       ModulesNamed(kernels_[0].modules, {"act_bpf", "netconsole", "xt_TEE"})) {
    fs::copy_file(module, plain + "/" + fs::path(module).filename().string());
  }
  const ProcessResult text =
      Run({"--modules", plain, kernels_[0].vmlinux_btf, b});
  EXPECT_EQ(text.exit_code, 1) << text.err;
  EXPECT_THAT(
      text.out,
      AllOf(HasSubstr("/act_bpf.ko: does not relocate onto B: .BTF.base: type"),
            HasSubstr("; refers to "), HasSubstr("struct tc_action"),
            HasSubstr("\n3 modules: ")));
}

TEST_F(DiffCommand, TroubleIsExitCodeTwo) {
  const std::string& vmlinux = kernels_[0].vmlinux_btf;
  const std::string text = scratch_.file("text");
  WriteFile(text, "no BTF");
  const ProcessResult bad = Run({vmlinux, text});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr(text + ": no kernel in it"));
  EXPECT_EQ(Run({vmlinux}).exit_code, 2);
  EXPECT_EQ(Run({vmlinux, "/no/such/file"}).exit_code, 2);
  const ProcessResult empty =
      Run({"--modules", scratch_.path(), vmlinux, vmlinux});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr(": no modules in it"));
  fs::create_directory(scratch_.file("modules"));
  WriteFile(scratch_.file("modules/broken.ko"), "no module");
  const ProcessResult broken =
      Run({"--modules", scratch_.file("modules"), vmlinux, vmlinux});
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.err, HasSubstr("/modules/broken.ko: "));
  EXPECT_EQ(Run({"--base", "a", "--modules", "b", "c", "d"}).exit_code, 2);
  EXPECT_THAT(Run({"--help"}).out, StartsWith("usage: btfc diff "));
}

}  // namespace
}  // namespace btfd::tests
