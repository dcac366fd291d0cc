// SPDX-License-Identifier: Apache-2.0
//
// `btfc min-core` and `btfc min_core_btf` as a user calls them: which files
// they write, that the bytes are bpftool's, what they say and how they end.
// What the minimized BTF resolves to is asked in tests/core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/btf/base.h"
#include "lib/btf/testing/dump.h"
#include "tests/core/objects.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kBtfc[] = "client/btfc";

class MinCore : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* series : {"6.1", "6.12", "7.3"}) {
      const auto btf = FindKernelBtf(series);
      ASSERT_TRUE(btf.ok()) << btf.status();
      kernels_.push_back(*btf);
    }
    const auto bpftool = FindBpftool();
    ASSERT_TRUE(bpftool.ok()) << bpftool.status();
    bpftool_ = *bpftool;
    execsnoop_ = BpfObject("execsnoop");
    opensnoop_ = BpfObject("opensnoop");
  }

  static ProcessResult Run(std::vector<std::string> words,
                           const ProcessOptions& options = {}) {
    words.insert(words.begin(), kBtfc);
    return RunProcess(words, options);
  }
  // Runs without trouble.
  static std::string Succeed(const std::vector<std::string>& words,
                             const ProcessOptions& options = {}) {
    const ProcessResult result = Run(words, options);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return result.out;
  }
  std::string ByBpftool(const std::string& kernel,
                        const std::vector<std::string>& objects) {
    std::vector<std::string> words = {bpftool_, "gen", "min_core_btf", kernel,
                                      out_.file("bpftool.btf")};
    words.insert(words.end(), objects.begin(), objects.end());
    const ProcessResult result = RunProcess(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::string bytes = ReadFileOrEmpty(out_.file("bpftool.btf"));
    EXPECT_GT(bytes.size(), 32u);
    return bytes;
  }
  // Paths below a directory, sorted.
  static std::vector<std::string> FilesIn(const std::string& directory) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (!entry.is_regular_file()) continue;
      files.push_back(fs::relative(entry.path(), directory).string());
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  std::vector<std::string> kernels_;
  std::string bpftool_;
  std::string execsnoop_;
  std::string opensnoop_;
  const ScratchDir out_;
};

TEST_F(MinCore, TakesBpftoolsOrderOfArguments) {
  for (const std::string& kernel : kernels_) {
    Succeed({"min_core_btf", kernel, out_.file("ours.btf"), execsnoop_,
             opensnoop_});
    EXPECT_TRUE(ReadFileOrEmpty(out_.file("ours.btf")) ==
                ByBpftool(kernel, {execsnoop_, opensnoop_}))
        << kernel;
  }
}

TEST_F(MinCore, OneFileForEachKernelInTheOrderOfTheArguments) {
  const std::vector<std::string> programs = BpfObjects();
  std::vector<std::string> words = {"min-core", "-o", out_.file("all")};
  words.insert(words.end(), kernels_.begin(), kernels_.end());
  words.push_back("--");
  words.insert(words.end(), programs.begin(), programs.end());
  const std::string said = Succeed(words);
  EXPECT_THAT(
      FilesIn(out_.file("all")),
      ElementsAre("6.1/vmlinux.btf", "6.12/vmlinux.btf", "7.3/vmlinux.btf"));
  EXPECT_TRUE(ReadFileOrEmpty(out_.file("all/6.12/vmlinux.btf")) ==
              ByBpftool(kernels_[1], programs));
  EXPECT_LT(said.find(kernels_[0]), said.find(kernels_[1]));
  EXPECT_LT(said.find(kernels_[1]), said.find(kernels_[2]));
  // With one job and with many, it says and writes the same.
  words[2] = out_.file("again");
  words.insert(words.begin() + 3, {"-j", "1"});
  EXPECT_EQ(Succeed(words), said);
  EXPECT_TRUE(ReadFileOrEmpty(out_.file("again/7.3/vmlinux.btf")) ==
              ReadFileOrEmpty(out_.file("all/7.3/vmlinux.btf")));
}

TEST_F(MinCore, OneFileForEachProgram) {
  Succeed({"min-core", "--each", "-o", out_.file("each"), kernels_[2], "--",
           execsnoop_, opensnoop_});
  EXPECT_THAT(FilesIn(out_.file("each")),
              ElementsAre("vmlinux/execsnoop.btf", "vmlinux/opensnoop.btf"));
  for (const std::string& program : {execsnoop_, opensnoop_}) {
    const std::string name = fs::path(program).stem().stem();
    EXPECT_TRUE(ReadFileOrEmpty(out_.file("each/vmlinux/" + name + ".btf")) ==
                ByBpftool(kernels_[2], {program}))
        << program;
  }
}

TEST_F(MinCore, ReadsListsOfKernelsModulesAndPrograms) {
  const auto kernel = FindKernel("6.12");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const std::string module = ModulesNamed(kernel->modules, {"af_key"})[0];
  WriteFile(out_.file("kernels"),
            absl::StrCat(kernels_[0], "\n\n", kernels_[1], "\n", module, "\n"));
  WriteFile(out_.file("programs"),
            absl::StrCat(fs::absolute(execsnoop_).string(), "\n"));
  Succeed({"min-core", "--from-file", out_.file("kernels"), "--programs-from",
           out_.file("programs"), "-o", out_.file("lists")});
  EXPECT_THAT(FilesIn(out_.file("lists")),
              ElementsAre("6.1/vmlinux.btf", "6.12/vmlinux.btf",
                          "6.12/vmlinux/af_key.btf"));
}

// The module's types over those of the minimized kernel, as text.
std::string Shown(const std::string& directory, const std::string& module) {
  const auto base =
      btf::Base::Build(ReadFileOrEmpty(directory + "/vmlinux.btf"));
  EXPECT_TRUE(base.ok()) << base.status();
  if (!base.ok()) return "";
  return btf::testing::Dump(
      ReadFileOrEmpty(absl::StrCat(directory, "/vmlinux/", module, ".btf")),
      base->get());
}

TEST_F(MinCore, ModulesStandOverTheirMinimizedKernel) {
  const auto kernel = FindKernel("7.3");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const std::vector<std::string> modules =
      ModulesNamed(kernel->modules, {"nf_conntrack", "xfs"});
  ASSERT_EQ(modules.size(), 2u);
  const std::string program = BpfObject("module_types");
  Succeed({"min-core", "-o", out_.file("split"), kernel->vmlinux, "--module",
           modules[0], "--module=" + modules[1], "--", program});
  EXPECT_THAT(FilesIn(out_.file("split")),
              ElementsAre("vmlinux.btf", "vmlinux/nf_conntrack.btf",
                          "vmlinux/xfs.btf"));
  const std::string text = Shown(out_.file("split"), "nf_conntrack");
  EXPECT_THAT(text, AllOf(HasSubstr("STRUCT 'conntrack_gc_work'"),
                          HasSubstr("'next_bucket'"), Not(HasSubstr("?"))));
  EXPECT_THAT(Shown(out_.file("split"), "xfs"),
              AllOf(HasSubstr("STRUCT 'xfs_inode'"), HasSubstr("'i_mount'")));
}

TEST_F(MinCore, NeverReplacesAnInput) {
  const std::string kernel = out_.file("vmlinux.btf");
  fs::copy_file(kernels_[0], kernel);
  ProcessOptions in_directory;
  in_directory.directory = out_.path();
  const ProcessResult result =
      RunProcess({fs::absolute(kBtfc).string(), "min-core", "vmlinux.btf", "--",
                  fs::absolute(execsnoop_).string()},
                 in_directory);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("an input would be replaced"));
  EXPECT_EQ(fs::file_size(kernel), fs::file_size(kernels_[0]));
}

TEST_F(MinCore, AKernelThatFailsLeavesTheOthersAlone) {
  WriteFile(out_.file("bad.btf"), "\x9f\xeb\x01 and no more");
  const ProcessResult result =
      Run({"min-core", "-o", out_.file("some"), out_.file("bad.btf"),
           kernels_[0], out_.file("none"), "--", execsnoop_});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr(out_.file("bad.btf") + ": .BTF"),
                                HasSubstr(out_.file("none"))));
  EXPECT_THAT(FilesIn(out_.file("some")), ElementsAre("vmlinux.btf"));
}

TEST_F(MinCore, ErrorsNameProgramSectionAndOffset) {
  std::string bytes = ReadFileOrEmpty(execsnoop_);
  const auto program = ReadProgram(execsnoop_);
  ASSERT_TRUE(program.ok());
  // The magic of .BTF.ext, which comes behind .BTF's.
  const std::string magic("\x9f\xeb\x01\0", 4);
  const size_t first = bytes.find(magic);
  const size_t second = bytes.find(magic, first + 1);
  ASSERT_NE(second, std::string::npos);
  bytes[second + 2] = 9;
  WriteFile(out_.file("bad.bpf.o"), bytes);
  WriteFile(out_.file("not.bpf.o"), "no ELF");
  for (const char* name : {"bad.bpf.o", "not.bpf.o", "none.bpf.o"}) {
    const ProcessResult result = Run({"min-core", "-o", out_.file("nothing"),
                                      kernels_[0], "--", out_.file(name)});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr(out_.file(name) + ": "));
    EXPECT_FALSE(fs::exists(out_.file("nothing")));
  }
  EXPECT_THAT(Run({"min-core", kernels_[0], "--", out_.file("bad.bpf.o")}).err,
              HasSubstr("bad.bpf.o: .BTF.ext at offset 2: unknown version 9"));
}

TEST_F(MinCore, TellsProgramsWhatItDid) {
  WriteFile(out_.file("bad.btf"), "no BTF");
  const ProcessResult result =
      Run({"min-core", "--json", "-o", out_.file("json"), kernels_[0],
           out_.file("bad.btf"), "--", execsnoop_});
  EXPECT_EQ(result.exit_code, 1);
  const std::vector<std::string> lines =
      absl::StrSplit(absl::StripSuffix(result.out, "\n"), '\n');
  ASSERT_EQ(lines.size(), 3u) << result.out;
  const auto bytes = [](const std::string& path) {
    return absl::StrCat(fs::file_size(path));
  };
  EXPECT_EQ(
      lines[0],
      absl::StrCat("{\"kernel\": \"", kernels_[0],
                   "\", \"ok\": true, \"errors\": [], \"bytes_in\": ",
                   bytes(kernels_[0]), ", \"bytes_out\": ",
                   bytes(out_.file("json/vmlinux.btf")), ", \"files\": 1}"));
  EXPECT_THAT(lines[1],
              AllOf(HasSubstr("\"ok\": false, \"errors\": [\""),
                    HasSubstr("bad.btf: "), HasSubstr("\"files\": 0}")));
  EXPECT_EQ(lines[2], "{\"summary\": {\"kernels\": 2, \"failed\": 1}}");
}

TEST_F(MinCore, AnInterruptedRunTellsWhatItDid) {
  // More kernels than are done in the meantime.
  std::string list;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = out_.file(absl::StrCat("k", i, ".btf"));
    fs::create_symlink(fs::absolute(kernels_[0]), name);
    absl::StrAppend(&list, name, "\n");
  }
  WriteFile(out_.file("list"), list);
  ProcessOptions options;
  options.directory = out_.path();
  const ProcessResult result = RunProcess(
      {"sh", "-c",
       absl::StrCat("env --default-signal=INT ", fs::absolute(kBtfc).string(),
                    " min-core -o cut --from-file list -- ",
                    fs::absolute(execsnoop_).string(),
                    " >out &\n"
                    "p=$!; while kill -0 $p && ! [ -e cut/k20.btf ]; do sleep "
                    "0.01; done\n"
                    "kill -INT $p; wait $p; echo $?")},
      options);
  EXPECT_EQ(result.out, "130\n") << result.err;
  EXPECT_EQ(result.err, "");
  const size_t written = FilesIn(out_.file("cut")).size();
  EXPECT_GT(written, 20u);
  const std::string said = ReadFileOrEmpty(out_.file("out"));
  EXPECT_EQ(static_cast<size_t>(std::count(said.begin(), said.end(), '\n')),
            written + 1);
  EXPECT_THAT(said, HasSubstr(absl::StrCat("\ninterrupted: ", 2000 - written,
                                           " kernels were not begun\n")));
}

TEST_F(MinCore, WrongCallsSayWhatIsWrong) {
  const auto complaint = [](const std::vector<std::string>& words) {
    const ProcessResult result = Run(words);
    EXPECT_EQ(result.exit_code, 2) << absl::StrJoin(words, " ");
    return result.err;
  };
  EXPECT_THAT(complaint({"min-core"}), HasSubstr("no KERNEL is given"));
  EXPECT_THAT(complaint({"min-core", kernels_[0]}),
              HasSubstr("no program is given, behind --"));
  EXPECT_THAT(complaint({"min-core", "--module", "m.ko", kernels_[0], "--",
                         execsnoop_}),
              HasSubstr("m.ko stands before any KERNEL"));
  EXPECT_THAT(complaint({"min-core", "-j", "0", kernels_[0], "--", execsnoop_}),
              HasSubstr("--jobs is a number from 1"));
  EXPECT_THAT(complaint({"min_core_btf", kernels_[0], "out"}),
              HasSubstr("name INPUT, OUTPUT and an OBJECT"));
  for (const char* command : {"min-core", "min_core_btf"}) {
    EXPECT_THAT(Run({command, "--help"}).out,
                HasSubstr(absl::StrCat("usage: btfc ", command)));
  }
}

}  // namespace
}  // namespace btfd::tests
