// SPDX-License-Identifier: Apache-2.0
//
// `btfc verify` and the kernel itself judge the same modules: each rule of
// kernel_check.h broken and kept, and BTF with a field changed at random. What
// verify takes must show under /sys/kernel/btf; what it refuses must not, but
// for what it refuses on purpose where the kernel does not look.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/btf/base.h"
#include "tests/qemu/guest.h"
#include "tests/qemu/variants.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

// A module with nothing but two functions: what is loaded does nothing.
constexpr char kCarrier[] = "cordic";

// Where the kernel may take what verify refuses: ids that lead nowhere, which
// libbpf refuses and the kernel mostly does not look at; sections in another
// order; and a base that makes it number types from 0.
bool RefusedOnPurpose(const std::string& verdict) {
  for (const char* words :
       {"refers to type", "beyond the last type", "run into the strings",
        "exceed the", ".BTF.base: no types"}) {
    if (absl::StrContains(verdict, words)) return true;
  }
  return false;
}

// These would take the kernel along.
bool IsSafeToLoad(const Variant& variant, const std::string& verdict) {
  if (variant.distilled_base.empty()) return true;
  // It relocates without looking whether an id has a type, and walks a cycle of
  // arrays for ever.
  return !absl::StrContains(verdict, "refers to type") &&
         !absl::StrContains(verdict, "is a cycle of modifiers, arrays") &&
         !absl::StrContains(verdict, "beyond the last type");
}

class KernelCheck : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto kernel = FindKernel(GetParam());
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
    auto base = btf::Base::Build(ReadFileOrEmpty(kernel_.vmlinux_btf));
    ASSERT_TRUE(base.ok()) << base.status();
    for (auto& some : {RuleVariants(**base), DistilledVariants(**base),
                       Mutations(**base, 4711, 80, 40)}) {
      variants_.insert(variants_.end(), some.begin(), some.end());
    }
    const auto carrier = ModulesNamed(kernel_.modules, {kCarrier});
    ASSERT_EQ(carrier.size(), 1u);
    for (size_t i = 0; i < variants_.size(); ++i) {
      names_.push_back(absl::StrFormat("v%05d", i));
      paths_.push_back(scratch_.file(names_.back() + ".ko"));
      const absl::Status written = WriteVariant(
          variants_[i], carrier[0], kCarrier, names_.back(), paths_.back());
      ASSERT_TRUE(written.ok()) << variants_[i].label << ": " << written;
    }
  }

  // A line of JSON for each variant.
  std::vector<std::string> Verdicts() {
    const ProcessResult result =
        daemon_.Client({"verify", "--json", "--from-file", "-", "--against",
                        kernel_.vmlinux_btf},
                       {}, absl::StrJoin(paths_, "\n"));
    std::vector<std::string> lines =
        absl::StrSplit(result.out, '\n', absl::SkipEmpty());
    EXPECT_EQ(lines.size(), paths_.size() + 1) << result.err;
    lines.resize(paths_.size());
    return lines;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  ScratchDir scratch_;
  Kernel kernel_;
  std::vector<Variant> variants_;
  std::vector<std::string> names_;
  std::vector<std::string> paths_;
};

TEST_P(KernelCheck, TheVerdictIsThatOfTheKernel) {
  const std::vector<std::string> verdicts = Verdicts();
  std::vector<std::string> loaded;
  for (size_t i = 0; i < variants_.size(); ++i) {
    if (IsSafeToLoad(variants_[i], verdicts[i])) loaded.push_back(paths_[i]);
  }
  const Guest guest = Boot(kernel_, scratch_.file("guest.log"), loaded,
                           {"QEMU_LOAD_UNLOAD=1", "QEMU_LOAD_TIMEOUT=300"});
  int taken = 0, refused = 0, on_purpose = 0;
  for (size_t i = 0; i < variants_.size(); ++i) {
    if (!IsSafeToLoad(variants_[i], verdicts[i])) continue;
    ASSERT_TRUE(guest.verdicts.count(names_[i])) << names_[i] << guest.log;
    const std::string& kernels = guest.verdicts.at(names_[i]);
    const bool ours = absl::StrContains(verdicts[i], "\"ok\": true");
    const bool theirs = kernels == "rc=0 btf=yes";
    EXPECT_TRUE(theirs || absl::StrContains(kernels, "btf=no")) << kernels;
    if (theirs && !ours && RefusedOnPurpose(verdicts[i])) {
      ++on_purpose;
      continue;
    }
    ++(ours ? taken : refused);
    EXPECT_EQ(ours, theirs)
        << names_[i] << " (" << variants_[i].label << "): the kernel says "
        << kernels << ", verify " << verdicts[i];
  }
  printf(
      "%s: %zu loaded of %zu variants: %d taken, %d refused, %d refused by "
      "verify alone\n",
      GetParam(), loaded.size(), variants_.size(), taken, refused, on_purpose);
  EXPECT_GT(taken, 80);
  EXPECT_GT(refused, 80);
  EXPECT_LT(on_purpose, 40);
}

INSTANTIATE_TEST_SUITE_P(Kernels, KernelCheck, ::testing::Values("6.12", "7.2"),
                         [](const auto& info) {
                           return info.param == std::string("6.12") ? "Of612"
                                                                    : "Of72";
                         });

}  // namespace
}  // namespace btfd::tests
