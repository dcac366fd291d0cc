// SPDX-License-Identifier: Apache-2.0
//
// Real modules with new sections, before those who have to accept them:
// readelf, objcopy, strip, modinfo, depmod, and upstream's own resolve_btfids
// through libelf. (The kernel has its say in tests/qemu.)
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/elf/module_file.h"
#include "lib/elf/module_writer.h"
#include "lib/elf/section_patch.h"
#include "lib/util/file.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::elf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::ReadFileOrEmpty;
using tests::RunProcess;
using tests::ScratchDir;

constexpr absl::string_view kNewBase = "\x9f\xeb a distilled base";

// Ways to the same contents.
enum class Way {
  kAppended,      // signature cut off first, then written in place
  kCompacted,     // signature dropped in the same go
  kAgainAndLess,  // .BTF.base added, replaced, removed and added
};

const char* NameOf(Way way) {
  switch (way) {
    case Way::kAppended:
      return "Appended";
    case Way::kCompacted:
      return "Compacted";
    case Way::kAgainAndLess:
      return "AgainAndLess";
  }
  return "";
}

struct Case {
  std::string module;
  Way way;
};

class ModuleTools : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto kernel = tests::FindKernel("6.12");
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    const auto paths =
        tests::ModulesNamed(kernel->modules, {GetParam().module});
    ASSERT_EQ(paths.size(), 1u);
    original_ = paths[0];
    // Split BTF of another size; what is in it is nobody's business here.
    btf_ = std::string(ModuleFile::Open(original_)->BtfContent().value()) +
           std::string(1000, '\0');
    Copy(original_, path_);
    WriteTheWay();
    if (HasFatalFailure()) return;
    const auto module = ModuleFile::Open(path_);
    ASSERT_TRUE(module.ok()) << module.status();
    ASSERT_EQ(module->BtfContent().value(), btf_);
    ASSERT_EQ(module->BtfBaseContent().value(), kNewBase);
  }

  static void Copy(const std::string& from, const std::string& to) {
    const auto bytes = util::ReadFile(from);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    tests::WriteFile(to, *bytes);
  }

  void Write(const std::vector<SectionEdit>& edits, bool drop_signature,
             WriteResult expected) {
    const auto module = ModuleFile::Open(path_);
    ASSERT_TRUE(module.ok()) << module.status();
    WriteOptions options;
    options.drop_signature = drop_signature;
    const auto result = WriteModule(*module, edits, options);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(*result, expected);
  }

  void WriteTheWay() {
    std::vector<SectionEdit> edits = {{kBtf, btf_}, {kBtfBase, kNewBase}};
    const auto module = ModuleFile::Open(original_);
    if (module->btf_ids()) {
      ids_.assign(module->btf_ids()->content.size(), 'i');
      edits.push_back({kBtfIds, ids_});
    }
    if (GetParam().way == Way::kCompacted) {
      Write(edits, true, WriteResult::kReplaced);
      return;
    }
    Write({}, true, WriteResult::kInPlace);
    if (GetParam().way == Way::kAgainAndLess) {
      Write({{kBtf, "\x9f\xeb"}, {kBtfBase, "\x9f\xeb"}}, false,
            WriteResult::kReplaced);
      Write({{kBtfBase, std::nullopt}}, false, WriteResult::kReplaced);
    }
    Write(edits, false, WriteResult::kReplaced);
  }

  // The sections as a tool left them.
  void ExpectSections(const std::string& path) const {
    const auto module = ModuleFile::Open(path);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_EQ(module->BtfContent().value(), btf_);
    EXPECT_EQ(module->BtfBaseContent().value(), kNewBase);
    if (module->btf_ids()) {
      EXPECT_EQ(module->btf_ids()->content, ids_);
    }
  }

  static void ExpectSameSections(const std::string& a, const std::string& b) {
    const auto ours = ModuleFile::Open(a), theirs = ModuleFile::Open(b);
    ASSERT_TRUE(ours.ok() && theirs.ok());
    EXPECT_EQ(ours->bytes().size(), theirs->bytes().size());
    ASSERT_EQ(ours->section_count(), theirs->section_count());
    for (uint32_t i = 0; i < ours->section_count(); ++i) {
      const Section mine = ours->section(i), other = theirs->section(i);
      EXPECT_EQ(memcmp(&mine.header, &other.header, sizeof(mine.header)), 0);
      EXPECT_TRUE(mine.content == other.content) << mine.name;
    }
  }

  std::string original_;
  std::string btf_;
  std::string ids_;
  const ScratchDir dir_;
  const std::string path_ = dir_.file("m.ko");
};

INSTANTIATE_TEST_SUITE_P(
    Real, ModuleTools,
    ::testing::Values(Case{"af_key", Way::kAppended},
                      Case{"af_key", Way::kCompacted},
                      Case{"af_key", Way::kAgainAndLess},
                      Case{"nf_conntrack", Way::kAppended},
                      Case{"nf_conntrack", Way::kCompacted},
                      Case{"nf_conntrack", Way::kAgainAndLess},
                      Case{"xfs", Way::kAppended},
                      Case{"xfs", Way::kCompacted}),
    [](const auto& info) {
      return absl::StrCat(info.param.module, "_", NameOf(info.param.way));
    });

TEST_P(ModuleTools, ReadelfFindsNothingToComplainAbout) {
  const auto result = RunProcess({"readelf", "-hSsrnW", path_});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr(" .BTF.base "));
}

TEST_P(ModuleTools, ObjcopyDumpsRemovesAndCopies) {
  const auto dump =
      RunProcess({"objcopy", "--dump-section", ".BTF=" + dir_.file("btf"),
                  "--dump-section", ".BTF.base=" + dir_.file("base"), path_,
                  dir_.file("copy.ko")});
  EXPECT_EQ(dump.exit_code, 0) << dump.err;
  EXPECT_EQ(dump.err, "");
  EXPECT_EQ(ReadFileOrEmpty(dir_.file("btf")), btf_);
  EXPECT_EQ(ReadFileOrEmpty(dir_.file("base")), kNewBase);
  ExpectSections(dir_.file("copy.ko"));

  const auto remove = RunProcess({"objcopy", "--remove-section", ".BTF.base",
                                  path_, dir_.file("less.ko")});
  EXPECT_EQ(remove.exit_code, 0) << remove.err;
  const auto less = ModuleFile::Open(dir_.file("less.ko"));
  EXPECT_FALSE(less->btf_base().has_value());
  EXPECT_EQ(less->BtfContent().value(), btf_);
}

// Whatever we did to the layout, objcopy sees the same code, symbols and
// relocations as in the original.
TEST_P(ModuleTools, AllElseIsAsItWas) {
  const std::string ids(ids_.size(), '\0');
  const auto normalize = [&](const std::string& from, const std::string& name) {
    Copy(from, dir_.file(name));
    EXPECT_EQ(PatchBtfIds(dir_.file(name), ids, nullptr).ok(), !ids.empty());
    const auto result =
        RunProcess({"objcopy", "--remove-section", ".BTF", "--remove-section",
                    ".BTF.base", dir_.file(name)});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return ReadFileOrEmpty(dir_.file(name));
  };
  EXPECT_TRUE(normalize(path_, "ours.ko") == normalize(original_, "theirs.ko"));
}

TEST_P(ModuleTools, StripKeepsTheSections) {
  const auto result = RunProcess({"strip", "--strip-debug", path_});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  ExpectSections(path_);
}

TEST_P(ModuleTools, ModinfoSaysTheSame) {
  const auto describe = [](const std::string& path) {
    const auto result = RunProcess({"modinfo", path});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::vector<std::string> lines;
    for (const auto line : absl::StrSplit(result.out, '\n')) {
      // The signature is gone, with all its continuation lines.
      if (absl::StartsWith(line, "filename") || absl::StartsWith(line, "sig") ||
          absl::StartsWith(line, "signer") || absl::StartsWith(line, "\t")) {
        continue;
      }
      lines.emplace_back(line);
    }
    return lines;
  };
  EXPECT_EQ(describe(path_), describe(original_));
  EXPECT_THAT(RunProcess({"modinfo", path_}).out, Not(HasSubstr("signer")));
}

TEST_P(ModuleTools, DepmodSeesTheSameModule) {
  const auto depmod = [this](const std::string& module,
                             const std::string& root) {
    const std::string modules = dir_.file(root) + "/lib/modules/6.12";
    EXPECT_EQ(RunProcess({"mkdir", "-p", modules + "/kernel"}).exit_code, 0);
    for (const char* name : {"order", "builtin", "builtin.modinfo"}) {
      tests::WriteFile(absl::StrCat(modules, "/modules.", name), "");
    }
    Copy(module, absl::StrCat(modules, "/kernel/", GetParam().module, ".ko"));
    const auto result =
        RunProcess({"depmod", "-n", "-b", dir_.file(root), "6.12"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    return result.out;
  };
  const std::string ours = depmod(path_, "ours");
  EXPECT_EQ(ours, depmod(original_, "theirs"));
  EXPECT_THAT(ours, HasSubstr(GetParam().module));
}

// elf_update() of libelf, on a layout that is not the linker's.
TEST_P(ModuleTools, UpstreamPatchesItAsWeDo) {
  const auto peer = tests::FindPeer("7.2");
  ASSERT_TRUE(peer.ok()) << peer.status();
  const std::string ids(ids_.size(), 'j');
  tests::WriteFile(dir_.file("ids"), ids);
  for (const std::string& from : {path_, original_}) {
    Copy(from, dir_.file("ours.ko"));
    Copy(from, dir_.file("theirs.ko"));
    const auto result = RunProcess(
        {*peer, "--patch_btfids", dir_.file("ids"), dir_.file("theirs.ko")});
    const absl::Status ours = PatchBtfIds(dir_.file("ours.ko"), ids, nullptr);
    // Without the section both refuse.
    EXPECT_EQ(result.exit_code, ids_.empty() ? 255 : 0) << result.err;
    EXPECT_EQ(ours.ok(), !ids_.empty()) << ours;
    if (from == original_) {
      EXPECT_TRUE(ReadFileOrEmpty(dir_.file("ours.ko")) ==
                  ReadFileOrEmpty(dir_.file("theirs.ko")));
    } else {
      // Dead bytes between sections may become zero under elf_update().
      ExpectSameSections(dir_.file("ours.ko"), dir_.file("theirs.ko"));
    }
  }
}

}  // namespace
}  // namespace btfd::elf
