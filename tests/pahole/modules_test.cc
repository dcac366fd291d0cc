// SPDX-License-Identifier: Apache-2.0
//
// Byte identity with the real pahole on a real kernel: modules of 7.3 of all
// sizes, and its vmlinux, with the flags of several kernels, with and without a
// base. tools/testdata has kept digests of what the real paholes encode,
// because that takes them minutes.
//
// BTFD_PAHOLE_MODULES=all compares all modules, with more flags. It needs
// `tools/testdata pahole-results-all` (tools/peer-check).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "lib/util/digest.h"
#include "tests/pahole/encoder.h"
#include "tests/pahole/oracle.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

OurPahole* Ours() {
  static auto* pahole = new OurPahole;
  return pahole;
}

std::string Folder() {
  const char* choice = std::getenv("BTFD_PAHOLE_MODULES");
  const bool all = choice && absl::string_view(choice) == "all";
  return TestdataRoot() + "/pahole-results/7.3" + (all ? "-all" : "");
}

std::vector<std::string> LinesOf(const std::string& path) {
  return absl::StrSplit(ReadFileOrEmpty(path), '\n', absl::SkipEmpty());
}

// One line of RUN.sha256.
struct Expected {
  std::string digest;  // hexadecimal, or "none"
  std::string file;    // relative to dbg/7.3
};

// One run whose results are kept: a pahole, its flags, and perhaps a base.
struct KeptRun {
  std::string name;
  std::string version;
  std::vector<std::string> flags;
  std::string base;  // a path; empty: none
  std::vector<Expected> expected;
};

std::string Dbg() { return TestdataRoot() + "/dbg/7.3/"; }

KeptRun ReadRun(const std::string& name) {
  const std::string stem = Folder() + "/" + name;
  KeptRun run;
  run.name = name;
  run.flags = LinesOf(stem + ".flags");
  for (const std::string& version : LinesOf(stem + ".pahole")) {
    run.version = version;
  }
  for (const std::string& base : LinesOf(stem + ".base")) {
    run.base = Dbg() + base;
  }
  for (const std::string& line : LinesOf(stem + ".sha256")) {
    std::pair<std::string, std::string> parts = absl::StrSplit(line, "  ");
    run.expected.push_back({parts.first, parts.second});
  }
  return run;
}

std::vector<std::string> RunNames() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(Folder(), error)) {
    if (entry.path().extension() == ".sha256") {
      names.push_back(entry.path().stem());
    }
  }
  std::sort(names.begin(), names.end());
  // Without this name, a test without modules would pass.
  if (names.empty()) names.push_back("missing");
  return names;
}

// A run's files are divided into this many parts, one for each shard.
constexpr size_t kStripes = 4;

class PaholeModules
    : public ::testing::TestWithParam<std::tuple<std::string, size_t>> {};

TEST_P(PaholeModules, HaveTheBytesOfTheRealOne) {
  const KeptRun run = ReadRun(std::get<0>(GetParam()));
  ASSERT_GT(run.expected.size(), 100u)
      << Folder() << " is missing or empty: run tools/testdata first";
  ASSERT_FALSE(run.version.empty());
  const ScratchDir scratch;
  size_t compared = 0;
  for (size_t i = std::get<1>(GetParam()); i < run.expected.size();
       i += kStripes) {
    const Expected& expected = run.expected[i];
    const std::string path = Dbg() + expected.file;
    const EncodeResult ours = Ours()->Run(run.version, run.flags, run.base,
                                          path, scratch.file("ours"));
    const std::string digest =
        ours.btf ? util::Digest::Of(*ours.btf).hex() : "none";
    ++compared;
    if (digest == expected.digest) continue;
    // The real pahole is only needed to say what differs.
    const EncodeResult theirs =
        RunPahole(RealPahole(run.version, TestdataRoot() + "/peers"), run.flags,
                  run.base, path, scratch.file("theirs"));
    const std::string difference = EncodeDifference(
        ours, theirs, run.base.empty() ? "" : ReadFileOrEmpty(run.base));
    ADD_FAILURE() << expected.file << ": "
                  << (difference.empty()
                          ? "the kept digest is not what the real one makes now"
                          : difference);
  }
  EXPECT_GE(compared, run.expected.size() / kStripes);
}

INSTANTIATE_TEST_SUITE_P(
    Kernel73, PaholeModules,
    ::testing::Combine(::testing::ValuesIn(RunNames()),
                       ::testing::Range(size_t{0}, kStripes)),
    [](const ::testing::TestParamInfo<std::tuple<std::string, size_t>>& info) {
      std::string name;
      for (const char c : std::get<0>(info.param)) {
        name += absl::ascii_isalnum(c) ? c : '_';
      }
      return absl::StrCat(name, "_", std::get<1>(info.param));
    });

// What Debian 12 builds: 6.12 with Debian's own pahole 1.24, over 6.12's
// vmlinux.
TEST(PaholeModulesOf612, HaveTheBytesOfTheRealOne) {
  const std::vector<std::string> flags = {"--btf_gen_floats",
                                          "--lang_exclude=rust"};
  const std::string base = TestdataRoot() + "/kernels/6.12/vmlinux.btf";
  const ScratchDir scratch;
  for (const char* name : {"af_key", "nf_conntrack", "xfs"}) {
    const std::string path =
        absl::StrCat(TestdataRoot(), "/dbg/6.12/", name, ".ko");
    const EncodeResult theirs =
        RunPahole(RealPahole("1.24", ""), flags, base, path, scratch.file("t"));
    ASSERT_TRUE(theirs.btf.has_value()) << path << ": " << theirs.err;
    const EncodeResult ours =
        Ours()->Run("1.24", flags, base, path, scratch.file("o"));
    const std::string difference =
        EncodeDifference(ours, theirs, ReadFileOrEmpty(base));
    EXPECT_TRUE(difference.empty()) << name << ": " << difference;
  }
}

}  // namespace
}  // namespace btfd::tests
