// SPDX-License-Identifier: Apache-2.0
//
// Minimized kernels and modules, judged by libbpf: each relocation resolves to
// the same value in the minimized pair as in the whole one. For the programs of
// this folder, and for random ones that ask for what the module has.
//
// BTFD_CORE_SEEDS=N tries N random programs for each kernel and each of many
// modules (tools/check core).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/plain_types.h"
#include "lib/core/min_core.h"
#include "lib/core/program.h"
#include "lib/elf/bpf_object.h"
#include "lib/elf/testing/elf_builder.h"
#include "lib/engine/distill/distill.h"
#include "lib/engine/relocate.h"
#include "tests/core/objects.h"
#include "tests/core/random_program.h"
#include "tests/core/resolution.h"
#include "tests/support/module_input.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

// A program with the bytes that libbpf reads.
struct Asked {
  std::string btf;
  core::Program program;
};

Asked FromObject(const std::string& path) {
  const auto object = elf::ReadBpfObject(path);
  auto program = ReadProgram(path);
  EXPECT_TRUE(object.ok() && program.ok()) << path;
  return {std::string(object->btf), *std::move(program)};
}

Asked FromRandom(const btf::Btf& source, uint32_t seed) {
  RandomProgram random = MakeRandomProgram(source, seed);
  auto program = core::Program::Parse(absl::StrCat("seed ", seed), random.btf,
                                      random.btf_ext, 8);
  EXPECT_TRUE(program.ok()) << program.status();
  return {std::move(random.btf), *std::move(program)};
}

std::string Raw(const btf::Btf& btf) {
  std::string bytes;
  btf.Serialize(&bytes);
  return bytes;
}

// How many random programs to try; 0: as many as the suite has time for.
uint32_t AskedSeeds() {
  const char* const text = std::getenv("BTFD_CORE_SEEDS");
  uint32_t seeds = 0;
  return text != nullptr && absl::SimpleAtoi(text, &seeds) ? seeds : 0;
}

class Split : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const absl::StatusOr<Kernel> kernel = FindKernel(GetParam());
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    modules_ =
        ModulesNamed(kernel->modules,
                     {"af_key", "nf_conntrack", "xfs", "nf_nat", "virtio_net",
                      "ext4", "fuse", "btrfs", "dm_mod", "nvme_core"});
    ASSERT_GE(modules_.size(), 6u);
    if (AskedSeeds() != 0) {
      for (std::string& module : SpreadBySize(kernel->modules, 40)) {
        modules_.push_back(std::move(module));
      }
    }
    raw_kernel_ = ReadFileOrEmpty(kernel->vmlinux_btf);
    auto base = btf::Base::Build(raw_kernel_);
    ASSERT_TRUE(base.ok()) << base.status();
    base_ = *base;
  }

  btf::Btf ReadModule(const std::string& path, std::string* raw) {
    const auto input = ReadModuleInput(path);
    EXPECT_TRUE(input.ok()) << input.status();
    *raw = input->btf;
    auto btf = btf::Btf::Parse(*raw, base_.get(), path,
                               std::pmr::new_delete_resource());
    EXPECT_TRUE(btf.ok()) << btf.status();
    return *std::move(btf);
  }

  // That `asked` resolves alike in both, and how. Empty module: none.
  void Compare(const Asked& asked, const std::string& raw_module,
               const core::MinimizedBtf& minimized) {
    const std::string small_module =
        minimized.modules.empty() ? "" : minimized.modules[0];
    const auto whole =
        ResolveByLibbpf(asked.btf, asked.program, raw_kernel_, raw_module);
    const auto small = ResolveByLibbpf(asked.btf, asked.program,
                                       minimized.kernel, small_module);
    ASSERT_EQ(whole.size(), small.size());
    for (size_t i = 0; i < whole.size(); ++i) {
      const core::Relocation& relocation = asked.program.relocations()[i];
      EXPECT_EQ(ToText(whole[i]), ToText(small[i]))
          << asked.program.BadRelocation(relocation, "differs");
      EXPECT_EQ(whole[i].error, 0)
          << asked.program.BadRelocation(relocation, "fails");
      ++compared_;
      found_ += whole[i].value != 0 && !whole[i].poisoned;
    }
  }

  std::vector<std::string> modules_;
  std::string raw_kernel_;
  std::shared_ptr<const btf::Base> base_;
  size_t compared_ = 0;
  size_t found_ = 0;
};

TEST_P(Split, KernelsAloneResolveAlike) {
  std::vector<Asked> all;
  for (const std::string& object : BpfObjects()) {
    all.push_back(FromObject(object));
  }
  all.push_back(FromRandom(*btf::Btf::Parse(raw_kernel_, nullptr, "kernel",
                                            std::pmr::new_delete_resource()),
                           1));
  core::MinCore together(*base_, 0);
  for (const Asked& asked : all) {
    ASSERT_TRUE(together.AddProgram(asked.program).ok());
  }
  const core::MinimizedBtf minimized = *together.Write();
  for (const Asked& asked : all) Compare(asked, "", minimized);
  EXPECT_GT(compared_, 250u);
  EXPECT_GT(found_, 150u);
}

TEST_P(Split, ModulesOverTheirKernelResolveAlike) {
  const Asked real = FromObject(BpfObject("module_types"));
  for (const std::string& path : modules_) {
    std::string raw;
    const btf::Btf module = ReadModule(path, &raw);
    for (uint32_t seed = 0; seed < std::max(1u, AskedSeeds()); ++seed) {
      const Asked random = FromRandom(module, seed);
      core::MinCore min_core(*base_, 0);
      ASSERT_TRUE(min_core.AddModule(path, module).ok());
      for (const Asked* asked : {&real, &random}) {
        const absl::Status added = min_core.AddProgram(asked->program);
        ASSERT_TRUE(added.ok()) << path << ": " << added;
      }
      const core::MinimizedBtf minimized = *min_core.Write();
      if (seed == 0) Compare(real, raw, minimized);
      Compare(random, raw, minimized);
    }
  }
  EXPECT_GT(compared_, 30u * modules_.size());
  EXPECT_GT(found_, 15u * modules_.size());
}

// As it is done at load: distilled over one base, relocated onto the same.
TEST_P(Split, DistilledModulesResolveAlike) {
  const std::string path = modules_[0];
  std::string raw;
  const btf::Btf module = ReadModule(path, &raw);
  std::optional<btf::Btf> distilled, split;
  ASSERT_TRUE(engine::Distill(module, btf::kExtendedHeaderSize, true,
                              &distilled, &split)
                  .ok());
  const std::string raw_split = Raw(*split);
  const auto small_base = btf::Base::Build(Raw(*distilled));
  ASSERT_TRUE(small_base.ok()) << small_base.status();
  auto relocated = btf::Btf::Parse(raw_split, small_base->get(), path,
                                   std::pmr::new_delete_resource());
  ASSERT_TRUE(relocated.ok()) << relocated.status();
  const absl::Status status = engine::Relocate(&*relocated, *base_);
  ASSERT_TRUE(status.ok()) << status;

  const Asked random = FromRandom(*relocated, 9);
  core::MinCore min_core(*base_, 0);
  ASSERT_TRUE(min_core.AddModule(path, *relocated).ok());
  ASSERT_TRUE(min_core.AddProgram(random.program).ok());
  Compare(random, Raw(*relocated), *min_core.Write());
  EXPECT_GT(found_, 10u);
}

// What bpftool makes of a module's file with its .BTF.base.
TEST_P(Split, DistilledModulesAloneHaveTheBytesOfBpftool) {
  const auto bpftool = FindBpftool();
  ASSERT_TRUE(bpftool.ok()) << bpftool.status();
  const ScratchDir directory;
  for (const std::string& path : modules_) {
    std::string raw;
    const btf::Btf module = ReadModule(path, &raw);
    std::optional<btf::Btf> distilled, split;
    ASSERT_TRUE(engine::Distill(module, btf::kExtendedHeaderSize, true,
                                &distilled, &split)
                    .ok());
    elf::ElfBuilder file;
    file.AddSection(".BTF", Raw(*split));
    file.AddSection(".BTF.base", Raw(*distilled));
    WriteFile(directory.file("module.ko"), file.Build());
    RandomProgramOptions options;
    options.matches = false;
    const RandomProgram random = MakeRandomProgram(module, 3, options);
    WriteFile(directory.file("random.o"), random.Object());
    const ProcessResult result = RunProcess(
        {*bpftool, "gen", "min_core_btf", directory.file("module.ko"),
         directory.file("out"), directory.file("random.o")});
    const auto small_base = btf::Base::Build(Raw(*distilled));
    ASSERT_TRUE(small_base.ok());
    const auto over = btf::Btf::Parse(Raw(*split), small_base->get(), path,
                                      std::pmr::new_delete_resource());
    ASSERT_TRUE(over.ok());
    const auto program =
        core::Program::Parse("random", random.btf, random.btf_ext, 8);
    ASSERT_TRUE(program.ok());
    // bpftool refuses a .BTF.ext without relocations.
    if (program->relocations().empty()) continue;
    const auto ours = core::MinimizeAsOne(*over, 8, {&*program});
    ASSERT_EQ(result.exit_code == 0, ours.ok()) << result.err << ours.status();
    if (!ours.ok()) continue;
    EXPECT_TRUE(*ours == ReadFileOrEmpty(directory.file("out"))) << path;
    compared_ += ours->size();
  }
  EXPECT_GT(compared_, 3000u);
}

TEST_P(Split, RandomProgramsHaveTheBytesOfBpftool) {
  const auto bpftool = FindBpftool();
  ASSERT_TRUE(bpftool.ok()) << bpftool.status();
  const auto kernel = btf::Btf::Parse(raw_kernel_, nullptr, "kernel",
                                      std::pmr::new_delete_resource());
  ASSERT_TRUE(kernel.ok());
  const auto plain = btf::PlainTypes::Parse(raw_kernel_);
  ASSERT_TRUE(plain.ok()) << plain.status();
  const ScratchDir directory;
  for (uint32_t seed = 0; seed < std::max(8u, AskedSeeds()); ++seed) {
    RandomProgramOptions options;
    options.matches = false;
    options.types = 60;
    const RandomProgram random = MakeRandomProgram(*kernel, seed, options);
    WriteFile(directory.file("random.o"), random.Object());
    const ProcessResult result =
        RunProcess({*bpftool, "gen", "min_core_btf",
                    std::string(FindKernelBtf(GetParam()).value()),
                    directory.file("out"), directory.file("random.o")});
    EXPECT_EQ(result.exit_code, 0) << "seed " << seed << ": " << result.err;
    const auto program =
        core::Program::Parse("random", random.btf, random.btf_ext, 8);
    ASSERT_TRUE(program.ok());
    core::MinCore min_core(*base_, 0);
    const absl::Status added = min_core.AddProgram(*program);
    ASSERT_TRUE(added.ok()) << "seed " << seed << ": " << added;
    EXPECT_TRUE(min_core.Write()->kernel ==
                ReadFileOrEmpty(directory.file("out")))
        << "seed " << seed;
    core::MinCore without_index(*plain, 0);
    ASSERT_TRUE(without_index.AddProgram(*program).ok());
    EXPECT_TRUE(without_index.Write()->kernel == min_core.Write()->kernel)
        << "seed " << seed;
    compared_ += program->relocations().size();
  }
  EXPECT_GT(compared_, 1000u);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Split, testing::Values("6.12", "7.3"),
                         [](const auto& info) {
                           return absl::StrCat(
                               "Linux",
                               absl::StrReplaceAll(info.param, {{".", "_"}}));
                         });

}  // namespace
}  // namespace btfd::tests
