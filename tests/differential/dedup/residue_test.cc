// SPDX-License-Identifier: Apache-2.0
//
// Real residues: what each pahole has encoded of a real module, taken just
// before its libbpf deduplicates. The engine must make of it what that pahole
// then writes, without a base and over the base that pahole made. Takes two
// modules; all 1,019 with BTFD_IDENTITY_MODULES=all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lib/engine/dedup/rules.h"
#include "lib/util/arena.h"
#include "tests/differential/dedup/native.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

using engine::LibbpfRules;

constexpr char kPreloaded[] = "tests/differential/dedup/keep_residue.so";

struct Pahole {
  const char* version;
  LibbpfRules rules;
};

// Paths in the kernel's folder.
std::vector<std::string> Modules() {
  const char* const which = std::getenv("BTFD_IDENTITY_MODULES");
  if (which == nullptr || std::string(which) != "all") {
    return {"modules/net/key/af_key.ko",
            "modules/net/netfilter/nf_conntrack.ko"};
  }
  std::ifstream list(TestdataRoot() + "/dbg/7.3/modules.list");
  std::vector<std::string> modules;
  for (std::string line; std::getline(list, line);) modules.push_back(line);
  return modules;
}

class Residue : public ::testing::TestWithParam<Pahole> {
 protected:
  // Runs pahole with `arguments`; the residue is written to residue().
  void Run(const std::vector<std::string>& arguments) {
    const std::string version = GetParam().version;
    const std::string peer = TestdataRoot() + "/peers/pahole-" + version;
    const std::string preloaded = std::filesystem::absolute(kPreloaded);
    std::vector<std::string> argv = {"pahole"};
    ProcessOptions options;
    options.environment = {"KEEP_RESIDUE=" + residue_path()};
    if (version == "1.24") {
      options.environment.push_back("LD_PRELOAD=" + preloaded);
      argv.insert(argv.end(), {"-J", "--btf_gen_floats"});
    } else {
      argv = {peer + "/lib/ld-linux-x86-64.so.2",
              "--preload",
              preloaded,
              "--library-path",
              peer + "/lib",
              peer + "/pahole.elf",
              "-J",
              "--btf_features=encode_force,var,float,enum64,decl_tag,type_tag,"
              "optimized_func,consistent_func"};
    }
    argv.push_back("--lang_exclude=rust");
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const ProcessResult result = RunProcess(argv, options);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  std::string residue_path() const { return scratch_.file("residue"); }

  ScratchDir scratch_;
};

TEST_P(Residue, BecomesWhatThatPaholeWrites) {
  const std::string root = TestdataRoot() + "/dbg/7.3/";
  const std::string base_path = root + "vmlinux." + GetParam().version + ".btf";
  const std::string base_raw = ReadFileOrEmpty(base_path);
  ASSERT_FALSE(base_raw.empty())
      << base_path << " is missing: run tools/testdata first";
  const auto base = LoadNativeBase(base_raw);
  ASSERT_TRUE(base.ok()) << base.status();
  engine::DedupOptions options;
  options.rules = GetParam().rules;
  util::Arena arena;
  ASSERT_FALSE(Modules().empty());
  for (const std::string& module : Modules()) {
    const std::string ko = root + module;
    const std::string written = scratch_.file("written");
    Run({"--btf_encode_detached=" + written, ko});
    const std::string residue = ReadFileOrEmpty(residue_path());
    auto made = NativeEncode(residue, NativeBase(), options, false, &arena);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->btf, ReadFileOrEmpty(written)) << module;

    std::filesystem::remove(written);  // pahole until 1.31 does not cut it
    Run({"--btf_base", base_path, "--btf_encode_detached=" + written, ko});
    made = NativeEncode(residue, *base, options, false, &arena);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(made->btf, ReadFileOrEmpty(written)) << module << " over a base";
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Residue,
                         ::testing::Values(Pahole{"1.24", LibbpfRules::k1_1},
                                           Pahole{"1.30", LibbpfRules::k1_5},
                                           Pahole{"1.32", LibbpfRules::k1_7}),
                         [](const auto& info) {
                           std::string name = info.param.version;
                           name[1] = '_';
                           return "Pahole" + name;
                         });

}  // namespace
}  // namespace btfd::tests
