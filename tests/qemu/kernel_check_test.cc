// SPDX-License-Identifier: Apache-2.0
//
// `btfc verify` and the kernel itself check the same modules. They break or
// keep each rule of kernel_check.h, or have BTF with a random change of one
// field. If verify accepts a module, its BTF must appear in /sys/kernel/btf. If
// verify refuses it, it must not appear, except where verify is stricter on
// purpose. BTFD_RANDOM_CASES (120) and BTFD_RANDOM_SEED choose a longer run or
// other cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/btf/base.h"
#include "tests/qemu/guest.h"
#include "tests/qemu/variants.h"
#include "tests/support/json.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

using ::testing::HasSubstr;

// A module with nothing but a function: to load it does nothing. The second one
// registers kfuncs when it starts.
constexpr char kCarrier[] = "cordic";
constexpr char kKfuncCarrier[] = "tcp_bbr";

int NumberFromEnvironment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  int number = otherwise;
  return value != nullptr && absl::SimpleAtoi(value, &number) ? number
                                                              : otherwise;
}

// Cases that the kernel may accept although verify refuses them: ids and
// parameters' names that do not exist, which libbpf refuses and the kernel
// mostly does not check; sections in another order; references over a base
// without types, which the kernel misunderstands; and a set of kfuncs that is
// empty because the module was not finalized.
bool RefusedOnPurpose(const std::string& verdict) {
  for (const char* words :
       {"refers to type", "beyond the last type", "run into the strings",
        "exceed the", "(FUNC_PROTO): member name at string offset",
        ".BTF.base has none", "it is not finalized"}) {
    if (absl::StrContains(verdict, words)) return true;
  }
  return false;
}

// Variants that would crash the kernel are not safe.
bool IsSafeToLoad(const Variant& variant, const std::string& verdict) {
  if (variant.distilled_base.empty()) return true;
  // The kernel relocates without checking that an id has a type, and it follows
  // a cycle of arrays for ever.
  return !absl::StrContains(verdict, "refers to type") &&
         !absl::StrContains(verdict, "is a cycle of modifiers, arrays") &&
         !absl::StrContains(verdict, "beyond the last type");
}

// If the kernel says for which type it refused a module (7.2 does), returns
// that by module: "BPF: [125813] ..." is printed before "failed to validate
// module [v00465] ...".
std::map<std::string, std::string> TypesRefused(const std::string& log) {
  std::map<std::string, std::string> types;
  std::string type;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    const auto in_brackets = [&](absl::string_view before) {
      const size_t at = line.find(absl::StrCat(before, " ["));
      if (at == absl::string_view::npos) return std::string();
      line.remove_prefix(at + before.size() + 2);
      return std::string(line.substr(0, line.find(']')));
    };
    const std::string named = in_brackets("BPF:");
    if (!named.empty()) type = named;
    const std::string module = in_brackets("failed to validate module");
    if (module.empty()) continue;
    if (!type.empty()) types[module] = type;
    type.clear();
  }
  return types;
}

class KernelCheck : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto kernel = FindKernel(GetParam());
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    kernel_ = *kernel;
    auto base = btf::Base::Build(ReadFileOrEmpty(kernel_.vmlinux_btf));
    ASSERT_TRUE(base.ok()) << base.status();
    const int cases = NumberFromEnvironment("BTFD_RANDOM_CASES", 120);
    const int seed = NumberFromEnvironment("BTFD_RANDOM_SEED", 4711);
    printf("%d random cases from seed %d\n", cases, seed);
    for (auto& some : {RuleVariants(**base), DistilledVariants(**base),
                       KfuncVariants(**base),
                       Mutations(**base, seed, cases * 2 / 3, cases / 3)}) {
      variants_.insert(variants_.end(), some.begin(), some.end());
    }
    for (size_t i = 0; i < variants_.size(); ++i) {
      const char* carrier = variants_[i].ids.empty() ? kCarrier : kKfuncCarrier;
      const auto module = ModulesNamed(kernel_.modules, {carrier});
      ASSERT_EQ(module.size(), 1u);
      names_.push_back(absl::StrFormat("v%05d", i));
      paths_.push_back(scratch_.file(names_.back() + ".ko"));
      const absl::Status written = WriteVariant(
          variants_[i], module[0], carrier, names_.back(), paths_.back());
      ASSERT_TRUE(written.ok()) << variants_[i].label << ": " << written;
    }
  }

  // Returns a line of JSON for each variant.
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
  const Guest guest =
      Boot(kernel_, scratch_.file("guest.log"), loaded,
           {"QEMU_LOAD_UNLOAD=1",
            absl::StrCat("QEMU_LOAD_TIMEOUT=", 200 + loaded.size() / 2)});
  const auto types = TypesRefused(guest.log);
  int taken = 0, refused = 0, on_purpose = 0, named = 0;
  for (size_t i = 0; i < variants_.size(); ++i) {
    if (!IsSafeToLoad(variants_[i], verdicts[i])) continue;
    ASSERT_TRUE(guest.verdicts.count(names_[i])) << names_[i] << guest.log;
    const std::string& kernels = guest.verdicts.at(names_[i]);
    const bool ours = JsonAt(verdicts[i], "ok") == "true";
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
    // What libbpf refuses, verify refuses before it checks the kernel's rules.
    const bool by_rule = !ours && !absl::StrContains(verdicts[i], ": offset ");
    if (!by_rule || types.count(names_[i]) == 0) continue;
    EXPECT_THAT(verdicts[i],
                HasSubstr(absl::StrCat(": type ", types.at(names_[i]), " (")))
        << variants_[i].label;
    ++named;
  }
  printf(
      "%s: %zu loaded of %zu variants: %d taken, %d refused, %d refused by "
      "verify alone; %d types named by both\n",
      GetParam(), loaded.size(), variants_.size(), taken, refused, on_purpose,
      named);
  EXPECT_GT(taken, 80);
  EXPECT_GT(refused, 80);
  EXPECT_LT(on_purpose, taken);
  if (!types.empty()) {
    EXPECT_GT(named, 50);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, KernelCheck, ::testing::Values("6.12", "7.2"),
                         [](const auto& info) {
                           return info.param == std::string("6.12") ? "Of612"
                                                                    : "Of72";
                         });

}  // namespace
}  // namespace btfd::tests
