// SPDX-License-Identifier: Apache-2.0
//
// `btfc dump` on real kernels, judged by bpftool of Linux 7.3: the same text
// line by line, the same JSON, the same C. Of all forms that a file may have;
// over a base, over a .BTF.base, and relocated from that onto another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/elf/testing/compress.h"
#include "tests/core/objects.h"
#include "tests/support/private_daemon.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

// So many modules of each kernel are compared.
constexpr size_t kModules = 12;
constexpr char kKfuncs[] = "#ifndef BPF_NO_KFUNC_PROTOTYPES\n";

class Dump : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* series : {"6.12", "7.2", "7.3"}) {
      auto kernel = FindKernel(series);
      ASSERT_TRUE(kernel.ok()) << kernel.status();
      kernels_.push_back(*std::move(kernel));
    }
    const auto bpftool = FindBpftool();
    ASSERT_TRUE(bpftool.ok()) << bpftool.status();
    bpftool_ = *bpftool;
  }

  ProcessResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "dump");
    return daemon_.Client(arguments);
  }
  std::string Ours(const std::vector<std::string>& arguments) {
    ProcessResult result = Run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return std::move(result.out);
  }
  // What bpftool prints, with `options` before its command.
  std::string Theirs(const std::string& file,
                     const std::vector<std::string>& options = {}) {
    std::vector<std::string> words = {bpftool_};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"btf", "dump", "file", file});
    ProcessResult result = RunProcess(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return std::move(result.out);
  }

  // A failure that fits a screen: the first line that differs.
  static void ExpectSameLines(const std::string& ours,
                              const std::string& theirs,
                              const std::string& what) {
    EXPECT_GT(theirs.size(), 0u) << what;
    if (ours == theirs) return;
    const std::vector<absl::string_view> a = absl::StrSplit(ours, '\n');
    const std::vector<absl::string_view> b = absl::StrSplit(theirs, '\n');
    size_t line = 0;
    while (line < a.size() && line < b.size() && a[line] == b[line]) ++line;
    ADD_FAILURE() << what << ", line " << line + 1 << ": "
                  << (line < a.size() ? a[line] : "(end)") << " instead of "
                  << (line < b.size() ? b[line] : "(end)");
  }

  // Of a vmlinux.h: from the first definition to the kfuncs, and those.
  static std::string Definitions(const std::string& header) {
    const std::string before = "#endif\n#endif\n\n";
    const size_t start = header.find(before) + before.size();
    std::string text = header.substr(start, header.find(kKfuncs) - start);
    const size_t comment = text.find("/* BPF kfuncs */");
    if (comment != std::string::npos) text.resize(comment);
    absl::StripTrailingAsciiWhitespace(&text);
    return text;
  }
  static std::string Kfuncs(const std::string& header) {
    const size_t start = header.find(kKfuncs);
    return header.substr(start, header.find("\n#endif", start) - start);
  }
  void ExpectCompiles(const std::string& header, const std::string& what) {
    WriteFile(scratch_.file("header.h"), header);
    const ProcessResult result = RunProcess(
        {"gcc", "-x", "c", "-fsyntax-only", "-w", scratch_.file("header.h")});
    EXPECT_EQ(result.exit_code, 0) << what << ": " << result.err.substr(0, 999);
  }

  // The 6.12 module of that name, finalized with a .BTF.base.
  std::string Distilled(const std::string& name) {
    const auto modules = ModulesNamed(kernels_[0].modules, {name});
    EXPECT_EQ(modules.size(), 1u) << name;
    const std::string copy = scratch_.file(name + ".ko");
    fs::copy_file(modules.at(0), copy);
    const ProcessResult result = daemon_.Client(
        {"finalize", "--base", kernels_[0].vmlinux_btf, "--dedup",
         "--profile=7.2", "--distill=always", "--drop-signature", copy});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return copy;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  std::vector<Kernel> kernels_;
  std::string bpftool_;
};

TEST_F(Dump, VmlinuxIsWhatBpftoolPrints) {
  for (const Kernel& kernel : kernels_) {
    ExpectSameLines(Ours({kernel.vmlinux}), Theirs(kernel.vmlinux_btf),
                    kernel.vmlinux);
  }
}

TEST_F(Dump, OtherMachinesKernelsAreWhatBpftoolPrints) {
  for (const char* name : {"6.12-arm64", "6.12-s390x"}) {
    const auto kernel = FindKernel(name);
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    ExpectSameLines(Ours({kernel->vmlinux}), Theirs(kernel->vmlinux_btf), name);
    const std::string& module = kernel->modules.front();
    ExpectSameLines(Ours({"--base", kernel->vmlinux, module}),
                    Theirs(module, {"-B", kernel->vmlinux_btf}), module);
    ExpectCompiles(Ours({"--format", "c", kernel->vmlinux}), name);
  }
}

TEST_F(Dump, ModulesOverTheirBaseAreWhatBpftoolPrints) {
  size_t compared = 0;
  for (const Kernel& kernel : kernels_) {
    for (const std::string& module :
         SpreadUnlessAll("BTFD_DUMP_MODULES", kernel.modules, kModules)) {
      ExpectSameLines(Ours({"--base", kernel.vmlinux_btf, module}),
                      Theirs(module, {"-B", kernel.vmlinux_btf}), module);
      ++compared;
    }
  }
  EXPECT_GE(compared, 3 * kModules - 3);
}

// A module with .BTF.base: over that, and as the kernel has it after load.
TEST_F(Dump, DistilledModulesAreShownOverTheirOwnBaseOrRelocated) {
  for (const char* name : {"xt_TEE", "nf_conntrack", "act_connmark"}) {
    const std::string module = Distilled(name);
    ExpectSameLines(Ours({module}), Theirs(module), module);
    // bpftool relocates what has a .BTF.base when it is given a base.
    ExpectSameLines(Ours({"--relocate", kernels_[0].vmlinuz(), module}),
                    Theirs(module, {"-B", kernels_[0].vmlinux_btf}), module);

    const ProcessResult base = Run({"--base", kernels_[0].vmlinux_btf, module});
    EXPECT_EQ(base.exit_code, 1);
    EXPECT_THAT(base.err, HasSubstr("stands on its own .BTF.base; --relocate"));
  }
  const ProcessResult other = Run({"--relocate", kernels_[1].vmlinux_btf,
                                   scratch_.file("act_connmark.ko")});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, AllOf(HasSubstr("act_connmark.ko: .BTF.base: type "),
                               HasSubstr("(modversion_info) has no match")));
}

TEST_F(Dump, JsonIsBpftoolsJson) {
  const std::string script = "tests/e2e/same_types.py";
  for (const Kernel& kernel : kernels_) {
    const std::string module = SpreadBySize(kernel.modules, 3).at(1);
    WriteFile(scratch_.file("ours"),
              Ours({"--format", "json", kernel.vmlinux}));
    WriteFile(scratch_.file("theirs"), Theirs(kernel.vmlinux_btf, {"--json"}));
    ProcessResult same = RunProcess(
        {"python3", script, scratch_.file("ours"), scratch_.file("theirs")});
    EXPECT_EQ(same.exit_code, 0) << kernel.vmlinux << ": " << same.err;
    EXPECT_THAT(same.out, EndsWith(" types are the same\n"));
    WriteFile(scratch_.file("ours"),
              Ours({"--format=json", "--base", kernel.vmlinux_btf, module}));
    WriteFile(scratch_.file("theirs"),
              Theirs(module, {"--json", "-B", kernel.vmlinux_btf}));
    same = RunProcess(
        {"python3", script, scratch_.file("ours"), scratch_.file("theirs")});
    EXPECT_EQ(same.exit_code, 0) << module << ": " << same.err;
  }
}

// A vmlinux.h: its definitions and kfuncs are bpftool's, and it compiles. (That
// sorts by default; ours come in the order of the types.)
TEST_F(Dump, HeaderOfAKernelIsBpftoolsAndCompiles) {
  for (const Kernel& kernel : kernels_) {
    const std::string header = Ours({"--format", "c", kernel.vmlinuz()});
    const ProcessResult theirs =
        RunProcess({bpftool_, "btf", "dump", "file", kernel.vmlinux_btf,
                    "format", "c", "unsorted"});
    ASSERT_EQ(theirs.exit_code, 0) << theirs.err;
    ExpectSameLines(Definitions(header), Definitions(theirs.out),
                    kernel.vmlinux);
    ExpectSameLines(Kfuncs(header), Kfuncs(theirs.out), kernel.vmlinux);
    ExpectCompiles(header, kernel.vmlinux);
  }
}

// The compiler lays each struct out as BTF says. (Of 7.2 and 7.3 some are not,
// nor in bpftool's header: BTF does not say how a struct is aligned.)
TEST_F(Dump, HeaderHasTheLayoutOfTheTypes) {
  const std::string& vmlinux = kernels_[0].vmlinux_btf;
  WriteFile(scratch_.file("json"), Ours({"--format", "json", vmlinux}));
  const ProcessResult asserts = RunProcess(
      {"python3", "tests/e2e/size_asserts.py", scratch_.file("json")});
  ASSERT_EQ(asserts.exit_code, 0) << asserts.err;
  EXPECT_GT(std::count(asserts.out.begin(), asserts.out.end(), '\n'), 50'000);
  ExpectCompiles(Ours({"--format", "c", vmlinux}) + asserts.out, vmlinux);
}

TEST_F(Dump, HeadersOfModulesAndOfSingleTypesCompile) {
  for (const Kernel& kernel : kernels_) {
    for (const std::string& module : SpreadBySize(kernel.modules, 4)) {
      ExpectCompiles(
          Ours({"--format", "c", "--base", kernel.vmlinux_btf, module}),
          module);
    }
    const std::string some =
        Ours({"--format=c", "--type", "task_struct", "--type", "vfs_read",
              "--id=5", "--type", "struct sk_buff", kernel.vmlinux_btf});
    for (const char* part :
         {"\nstruct task_struct {\n", "\nextern ssize_t vfs_read(struct file *",
          "type_5;\n", "\nstruct sk_buff {\n"}) {
      EXPECT_TRUE(absl::StrContains(some, part)) << part;
    }
    ExpectCompiles(some, kernel.vmlinux);
    EXPECT_LT(some.size(), 300'000u);
  }
  // Over .BTF.base: what is distilled has its size, and no members.
  ExpectCompiles(Ours({"--format", "c", Distilled("nf_conntrack")}),
                 "nf_conntrack");
}

TEST_F(Dump, EveryFormOfAFileIsRead) {
  const Kernel& kernel = kernels_[0];
  const std::string vmlinux = Ours({kernel.vmlinux_btf});
  EXPECT_TRUE(Ours({kernel.vmlinuz()}) == vmlinux);
  const std::string module = ModulesNamed(kernel.modules, {"xt_TEE"}).at(0);
  const std::string plain = Ours({"--base", kernel.vmlinux, module});
  for (const elf::Compression compression :
       {elf::Compression::kGzip, elf::Compression::kXz,
        elf::Compression::kZstd}) {
    const std::string packed = scratch_.file(elf::CompressionName(compression));
    WriteFile(packed, elf::Compress(compression, ReadFileOrEmpty(module)));
    EXPECT_TRUE(Ours({"--base", kernel.vmlinuz(), packed}) == plain) << packed;
  }
}

TEST_F(Dump, ABaseThatTheDaemonHoldsNeedsNoFile) {
  const std::string& vmlinux = kernels_[2].vmlinux_btf;
  const std::string module = SpreadBySize(kernels_[2].modules, 3).at(1);
  const std::string copy = scratch_.file("vmlinux");
  fs::copy_file(vmlinux, copy);
  const ProcessResult added = daemon_.Client({"base", "add", copy});
  ASSERT_EQ(added.exit_code, 0) << added.err;
  fs::remove(copy);
  const std::string digest = added.out.substr(0, 64);
  EXPECT_TRUE(Ours({"sha256:" + digest}) == Ours({vmlinux}));
  // A beginning will do.
  EXPECT_TRUE(Ours({"--base", "sha256:" + digest.substr(0, 8), module}) ==
              Ours({"--base", vmlinux, module}));
  // Other commands take it, too.
  const std::string program = fs::absolute(BpfObject("execsnoop"));
  const ProcessResult cut =
      daemon_.Client({"min-core", "-o", scratch_.file("cut"),
                      "sha256:" + digest, "--", program});
  EXPECT_EQ(cut.exit_code, 0) << cut.err;
  const ProcessResult same = daemon_.Client(
      {"min_core_btf", vmlinux, scratch_.file("same.btf"), program});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  const std::string minimized =
      ReadFileOrEmpty(scratch_.file("cut/" + digest + ".btf"));
  EXPECT_GT(minimized.size(), 100u);
  EXPECT_TRUE(minimized == ReadFileOrEmpty(scratch_.file("same.btf")));
  for (const char* wrong : {"sha256:xyz", "sha256:00000000"}) {
    const ProcessResult result = Run({wrong});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, AnyOf(HasSubstr("is no digest in hexadecimal"),
                                  HasSubstr("no base starts with 00000000")));
  }
}

TEST_F(Dump, ATypeIsShownWithWhatItNeeds) {
  const std::string& vmlinux = kernels_[2].vmlinux_btf;
  const std::string text = Ours({"--type", "list_head", vmlinux});
  EXPECT_THAT(text, AllOf(HasSubstr("] PTR '(anon)' type_id="),
                          HasSubstr("] STRUCT 'list_head' size=16 vlen=2\n")));
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(text, "\n[")), SizeIs(2));
  // Each line is one of the whole text; but for declarations.
  const std::string whole = Ours({vmlinux});
  const std::string some =
      Ours({"--type", "struct sock", "--type=vfs_read", "--id=5", vmlinux});
  size_t declared = 0;
  size_t shown = 0;
  for (absl::string_view type : absl::StrSplit(some, "\n[")) {
    absl::ConsumePrefix(&type, "[");
    absl::ConsumeSuffix(&type, "\n");
    const std::string entry = absl::StrCat("[", type);
    if (whole.find(absl::StrCat("\n", entry)) == std::string::npos &&
        whole.find(entry) != 0) {
      EXPECT_THAT(entry, HasSubstr("] FWD '"));
      ++declared;
    }
    ++shown;
  }
  EXPECT_GT(declared, 10u);
  EXPECT_GT(shown, 100u);
  EXPECT_LT(shown, 2'000u);

  const ProcessResult unknown = Run({"--type", "task_strct", vmlinux});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.out, "");
  EXPECT_THAT(unknown.err, AllOf(HasSubstr(vmlinux + ": no type is called "
                                                     "task_strct; similar: "),
                                 HasSubstr("task_struct")));
  EXPECT_THAT(Run({"--id", "9999999", vmlinux}).err,
              HasSubstr("there is no type 9999999: ids are 1 to "));
}

TEST_F(Dump, FailuresNameTheFileAndTheRestIsShown) {
  const Kernel& kernel = kernels_[0];
  const std::string module = ModulesNamed(kernel.modules, {"xt_TEE"}).at(0);
  const std::string text = scratch_.file("text");
  WriteFile(text, "no BTF");
  const ProcessResult result =
      Run({"--base", kernel.vmlinux_btf, text, module});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(text + ": no kernel in it"));
  EXPECT_THAT(result.out, StartsWith(module + ":\n["));

  const ProcessResult alone = Run({module});
  EXPECT_EQ(alone.exit_code, 1);
  EXPECT_THAT(alone.err, AllOf(HasSubstr(module + ": .BTF: "),
                               HasSubstr("name it by --base")));
  const ProcessResult full =
      RunProcess({"sh", "-c",
                  absl::StrCat("exec '", daemon_.programs().btfc, "' dump '",
                               kernel.vmlinux_btf, "' >/dev/full")});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.err, HasSubstr("cannot write: No space left on device"));
}

TEST_F(Dump, WrongCallsAreExplained) {
  EXPECT_EQ(Run({}).exit_code, 2);
  EXPECT_THAT(Run({"--format", "xml", "x"}).err,
              HasSubstr("unknown format xml"));
  EXPECT_THAT(Run({"--format", "c", "x", "y"}).err,
              HasSubstr("a header is of one FILE"));
  EXPECT_EQ(Run({"--base", "a", "--relocate", "b", "x"}).exit_code, 2);
  EXPECT_THAT(Run({"--help"}).out, StartsWith("usage: btfc dump "));
}

}  // namespace
}  // namespace btfd::tests
