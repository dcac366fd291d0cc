// SPDX-License-Identifier: Apache-2.0
//
// Byte identity on real modules. The engine, in this process, is compared with
// upstream's resolve_btfids ("the peer") of the release whose profile it has.
// All that the tool leaves is compared: which files it writes beside the
// module, their bytes, its stderr, and whether it fails.
//
// BTFD_IDENTITY_MODULES=all compares every module of 7.2 and 7.3
// (tools/peer-check). Otherwise modules of all sizes are taken, and all
// of 6.12.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "lib/btf/base.h"
#include "lib/btf/dedup_index.h"
#include "lib/engine/pipeline.h"
#include "lib/util/arena.h"
#include "tests/oracle/oracle.h"
#include "tests/support/module_input.h"
#include "tests/support/peer.h"
#include "tests/support/profile_steps.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

// A base as both sides need it: a file for the peer, an index for the engine.
struct SharedBase {
  std::string raw;
  std::string path;
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> dedup_index;
};

SharedBase MakeBase(std::string raw, const std::string& path) {
  SharedBase shared;
  shared.raw = std::move(raw);
  shared.path = path;
  auto base = btf::Base::Build(shared.raw);
  EXPECT_TRUE(base.ok()) << base.status();
  if (!base.ok()) return shared;
  shared.base = *base;
  auto index = btf::DedupIndex::Build(*shared.base);
  EXPECT_TRUE(index.ok()) << index.status();
  if (index.ok()) shared.dedup_index = *index;
  return shared;
}

const Kernel& KernelOf(const std::string& series) {
  static auto* kernels = new std::map<std::string, Kernel>;
  auto found = kernels->find(series);
  if (found == kernels->end()) {
    auto kernel = FindKernel(series);
    EXPECT_TRUE(kernel.ok()) << kernel.status();
    found = kernels->emplace(series, kernel.ok() ? *kernel : Kernel{}).first;
  }
  return found->second;
}

const SharedBase& BaseOf(const std::string& series) {
  static auto* bases = new std::map<std::string, SharedBase>;
  auto found = bases->find(series);
  if (found == bases->end()) {
    const std::string& path = KernelOf(series).vmlinux_btf;
    found = bases->emplace(series, MakeBase(ReadFileOrEmpty(path), path)).first;
  }
  return found->second;
}

struct Finalized {
  absl::Status status;
  engine::FinalizeOutput output;
};

Finalized RunEngine(const ModuleInput& module, const SharedBase* base,
                    const engine::Steps& steps) {
  static auto* arena = new util::Arena;
  arena->Reset();
  engine::FinalizeInput input = module.ForEngine();
  if (base != nullptr) {
    input.base = base->base.get();
    if (steps.dedup) input.dedup_index = base->dedup_index.get();
  }
  Finalized finalized;
  finalized.status = engine::Finalize(input, steps, arena, &finalized.output);
  return finalized;
}

std::string Describe(const std::optional<std::string>& ours,
                     const std::optional<std::string>& theirs) {
  if (ours.has_value() != theirs.has_value()) {
    return ours ? "only ours is there" : "only the peer's is there";
  }
  if (!ours || *ours == *theirs) return "";
  const size_t common = std::min(ours->size(), theirs->size());
  size_t at = 0;
  while (at < common && (*ours)[at] == (*theirs)[at]) ++at;
  return absl::StrCat("differ from byte ", at, " on (ours ", ours->size(),
                      " bytes, the peer's ", theirs->size(), ")");
}

// Empty if both agree; otherwise says what differs.
std::string Difference(const Finalized& ours, const ResolveResult& theirs) {
  std::vector<std::string> found;
  if (ours.status.ok() != (theirs.exit_code == 0)) {
    found.push_back(absl::StrCat("verdict: ours ", ours.status.ToString(),
                                 ", the peer exits with ", theirs.exit_code,
                                 ": ", theirs.err));
  }
  if (ours.status.ok()) {
    const std::string warnings =
        absl::StrJoin(ours.output.warnings, "",
                      [](std::string* out, const std::string& line) {
                        absl::StrAppend(out, line, "\n");
                      });
    if (warnings != theirs.err) {
      found.push_back(absl::StrCat("warnings: ours\n", warnings, "the peer's\n",
                                   theirs.err));
    }
  }
  const std::pair<const char*, std::string> sections[] = {
      {".BTF", Describe(ours.output.btf, theirs.btf)},
      {".BTF.base", Describe(ours.output.btf_base, theirs.btf_base)},
      {".BTF_ids", Describe(ours.output.btf_ids, theirs.btf_ids)}};
  for (const auto& [name, difference] : sections) {
    if (!difference.empty()) {
      found.push_back(absl::StrCat(name, ": ", difference));
    }
  }
  return absl::StrJoin(found, "; ");
}

// The modules to compare, with every kind of module that matters among them.
std::vector<std::string> ModulesToJudge(const std::string& series) {
  const Kernel& kernel = KernelOf(series);
  const char* choice = std::getenv("BTFD_IDENTITY_MODULES");
  if (series == "6.12" || (choice && absl::string_view(choice) == "all")) {
    return kernel.modules;
  }
  const size_t spread = series == "7.3" ? 100 : 300;
  std::vector<std::string> modules = SpreadBySize(kernel.modules, spread);
  for (const std::string& path : kernel.modules) {
    auto module = ReadModuleInput(path);
    if (module.ok() && module->ids) modules.push_back(path);
  }
  const auto big = ModulesNamed(kernel.modules, {"amdgpu"});
  modules.insert(modules.end(), big.begin(), big.end());
  std::sort(modules.begin(), modules.end());
  modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
  return modules;
}

// A kernel's modules are divided into this many parts for each profile, so that
// shards can share them.
constexpr int kStripes = 4;
struct IdentityCase {
  const char* series;
  const char* release;
  bool distill;
  int stripe;
};

class Identity : public ::testing::TestWithParam<IdentityCase> {};

TEST_P(Identity, EveryModuleIsThePeers) {
  const IdentityCase& test_case = GetParam();
  auto peer = FindPeer(test_case.release);
  ASSERT_TRUE(peer.ok()) << peer.status();
  const SharedBase& base = BaseOf(test_case.series);
  ASSERT_NE(base.dedup_index, nullptr);
  const engine::Steps steps =
      StepsForProfile(test_case.release, test_case.distill);
  const std::vector<std::string> modules = ModulesToJudge(test_case.series);
  ASSERT_GE(modules.size(), 100u);

  std::vector<std::string> arguments = {"--btf_base", base.path};
  if (test_case.distill) arguments.push_back("--distill_base");
  size_t compared = 0;
  for (size_t i = test_case.stripe; i < modules.size(); i += kStripes) {
    auto module = ReadModuleInput(modules[i]);
    ASSERT_TRUE(module.ok()) << module.status();
    if (module->btf.empty()) continue;
    const ResolveResult theirs =
        RunResolveBtfids({*peer}, arguments, modules[i]);
    const Finalized ours = RunEngine(*module, &base, steps);
    EXPECT_EQ(Difference(ours, theirs), "") << modules[i];
    ++compared;
  }
  RecordProperty("compared", static_cast<int>(compared));
  EXPECT_GT(compared, modules.size() / kStripes / 2);
}

std::vector<IdentityCase> AllCases() {
  std::vector<IdentityCase> all;
  for (const char* series : {"6.12", "7.2", "7.3"}) {
    for (const char* release : {"7.2", "7.3"}) {
      // 7.3's modules are for its own tool.
      if (absl::string_view(series) > absl::string_view(release) &&
          absl::string_view(series) == "7.3") {
        continue;
      }
      for (bool distill : {false, true}) {
        for (int stripe = 0; stripe < kStripes; ++stripe) {
          all.push_back({series, release, distill, stripe});
        }
      }
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, Identity, ::testing::ValuesIn(AllCases()),
    [](const ::testing::TestParamInfo<IdentityCase>& info) {
      return absl::StrCat(
          "Linux", absl::StrReplaceAll(info.param.series, {{".", "_"}}),
          "Profile", absl::StrReplaceAll(info.param.release, {{".", "_"}}),
          info.param.distill ? "Distilled" : "InTree", info.param.stripe);
    });

// vmlinux itself, which has no base.
class IdentityOfVmlinux : public ::testing::TestWithParam<IdentityCase> {};

TEST_P(IdentityOfVmlinux, IsThePeers) {
  const IdentityCase& test_case = GetParam();
  auto peer = FindPeer(test_case.release);
  ASSERT_TRUE(peer.ok()) << peer.status();
  const std::string& vmlinux = KernelOf(test_case.series).vmlinux;
  auto module = ReadModuleInput(vmlinux);
  ASSERT_TRUE(module.ok()) << module.status();
  const ResolveResult theirs = RunResolveBtfids({*peer}, {}, vmlinux);
  const Finalized ours = RunEngine(
      *module, nullptr, StepsForProfile(test_case.release, /*distill=*/false));
  EXPECT_EQ(Difference(ours, theirs), "");
  ASSERT_TRUE(theirs.btf.has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, IdentityOfVmlinux,
    ::testing::Values(IdentityCase{"6.12", "7.2", false, 0},
                      IdentityCase{"6.12", "7.3", false, 0},
                      IdentityCase{"7.2", "7.2", false, 0},
                      IdentityCase{"7.2", "7.3", false, 0},
                      IdentityCase{"7.3", "7.3", false, 0}));

// Big-endian targets: base and split are in the other byte order.
class IdentityOfSwapped : public ::testing::TestWithParam<IdentityCase> {};

TEST_P(IdentityOfSwapped, ModulesAreThePeers) {
  const IdentityCase& test_case = GetParam();
  auto peer = FindPeer(test_case.release);
  ASSERT_TRUE(peer.ok()) << peer.status();
  ScratchDir scratch;
  const std::string& raw = BaseOf(test_case.series).raw;
  const OracleBtf native_base = OracleParse(raw, nullptr);
  ASSERT_NE(native_base, nullptr);
  const std::string swapped_raw = OracleSwapped(native_base.get());
  WriteFile(scratch.file("base"), swapped_raw);
  const SharedBase base = MakeBase(swapped_raw, scratch.file("base"));
  ASSERT_NE(base.dedup_index, nullptr);

  std::vector<std::string> arguments = {"--btf_base", base.path, "--btf",
                                        scratch.file("split")};
  if (test_case.distill) arguments.push_back("--distill_base");
  const auto spread = SpreadBySize(KernelOf(test_case.series).modules, 60);
  for (const std::string& path : spread) {
    auto module = ReadModuleInput(path);
    ASSERT_TRUE(module.ok()) << module.status();
    // The oracle's base was switched to the other byte order for writing only.
    // Its ids and offsets are unchanged.
    const OracleBtf split = OracleParse(module->btf, native_base.get());
    ASSERT_NE(split, nullptr) << path;
    module->btf = OracleSwapped(split.get());
    WriteFile(scratch.file("split"), module->btf);
    const ResolveResult theirs = RunResolveBtfids({*peer}, arguments, path);
    const Finalized ours = RunEngine(
        *module, &base, StepsForProfile(test_case.release, test_case.distill));
    EXPECT_EQ(Difference(ours, theirs), "") << path;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, IdentityOfSwapped,
                         ::testing::Values(IdentityCase{"6.12", "7.2", true, 0},
                                           IdentityCase{"7.2", "7.2", false, 0},
                                           IdentityCase{"7.2", "7.3", true,
                                                        0}));

// 7.3 finds kfuncs by their SET8s. If pahole's tags are removed, the engine
// must add them again, as upstream's tool does.
TEST(IdentityWithoutTags, KfuncTagsComeBack) {
  auto peer = FindPeer("7.3");
  ASSERT_TRUE(peer.ok()) << peer.status();
  ScratchDir scratch;
  int tagged = 0;
  for (const char* series : {"6.12", "7.2"}) {
    const SharedBase& base = BaseOf(series);
    for (const std::string& path : KernelOf(series).modules) {
      auto module = ReadModuleInput(path);
      ASSERT_TRUE(module.ok()) << module.status();
      if (!module->ids) continue;
      module->btf = WithoutDeclTags(module->btf, base.base.get());
      WriteFile(scratch.file("split"), module->btf);
      const ResolveResult theirs = RunResolveBtfids(
          {*peer}, {"--btf_base", base.path, "--btf", scratch.file("split")},
          path);
      const Finalized ours =
          RunEngine(*module, &base, StepsForProfile("7.3", false));
      EXPECT_EQ(Difference(ours, theirs), "") << path;
      if (ours.status.ok() && ours.output.types_out > 0 &&
          ours.output.btf->find("bpf_kfunc") != std::string::npos) {
        ++tagged;
      }
    }
  }
  // Seven modules of 6.12 and seven of 7.2 have .BTF_ids; most have kfuncs.
  EXPECT_GE(tagged, 7);
}

// 6.x patches the ELF file in place, and only .BTF_ids changes.
TEST(IdentityOf6x, IdsOfModulesAreThePeersAfterTheyWereZeroed) {
  auto peer = FindPeer("6.12");
  ASSERT_TRUE(peer.ok()) << peer.status();
  const SharedBase& base = BaseOf("6.12");
  ScratchDir scratch;
  int compared = 0;
  for (const std::string& path : KernelOf("6.12").modules) {
    auto module = ReadModuleInput(path);
    ASSERT_TRUE(module.ok()) << module.status();
    if (!module->ids) continue;
    const std::string copy = scratch.file("module.ko");
    ASSERT_TRUE(WriteModuleWithZeroedIds(path, copy).ok());
    module = ReadModuleInput(copy);
    ASSERT_TRUE(module.ok()) << module.status();
    const Finalized ours =
        RunEngine(*module, &base, StepsForProfile("6.x", false));
    ASSERT_TRUE(ours.status.ok()) << ours.status;
    EXPECT_FALSE(ours.output.btf.has_value());

    const ProcessResult theirs =
        RunProcess({*peer, "--btf_base", base.path, copy});
    ASSERT_EQ(theirs.exit_code, 0) << theirs.err;
    auto patched = ReadModuleInput(copy);
    ASSERT_TRUE(patched.ok()) << patched.status();
    EXPECT_EQ(*ours.output.btf_ids, patched->ids->content) << path;
    ++compared;
  }
  EXPECT_EQ(compared, 7);
}

}  // namespace
}  // namespace btfd::tests
