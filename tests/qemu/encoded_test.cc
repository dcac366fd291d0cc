// SPDX-License-Identifier: Apache-2.0
//
// The kernel judges what we encode from DWARF: `btfc gen-btf` makes the BTF of
// modules of 7.3 without any pahole, and Debian's 7.3 kernel, booted in QEMU,
// loads them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/qemu/guest.h"
#include "tests/support/private_daemon.h"
#include "tests/support/process.h"
#include "tests/support/testdata.h"

namespace btfd::tests {
namespace {

namespace fs = std::filesystem;

// The order satisfies their dependencies. nf_conntrack and xfs have .BTF_ids.
const char* const kModules[] = {"net/ipv4/netfilter/nf_defrag_ipv4",
                                "net/ipv6/netfilter/nf_defrag_ipv6",
                                "net/netfilter/nf_conntrack",
                                "net/netfilter/nf_nat",
                                "net/xfrm/xfrm_algo",
                                "net/key/af_key",
                                "fs/xfs/xfs"};

// What RESOLVE_BTFIDS_FLAGS says.
class Encoded : public ::testing::TestWithParam<std::string> {};

TEST_P(Encoded, ModulesPassVerifyAndLoad) {
  const auto kernel = FindKernel("7.3");
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const std::string dbg = TestdataRoot() + "/dbg/7.3/";
  ScratchDir scratch;
  std::vector<std::string> copies;
  std::vector<std::string> encode = {"gen-btf", "--btf_base", dbg + "vmlinux"};
  for (const char* path : kModules) {
    const fs::path module = absl::StrCat(dbg, "modules/", path, ".ko");
    ASSERT_TRUE(fs::exists(module)) << module << ": run tools/testdata";
    copies.push_back(scratch.file(module.filename()));
    fs::copy_file(module, copies.back());
  }
  encode.insert(encode.end(), copies.begin(), copies.end());
  PrivateDaemon daemon{Programs::OfRunfiles()};
  const ProcessResult encoded = daemon.Client(
      encode,
      {"BTFD_ENCODER=native", "BTFD_PAHOLE_VERSION=1.32", "KERNELVERSION=7.3.4",
       "RESOLVE_BTFIDS_FLAGS=" + GetParam(),
       "PAHOLE_FLAGS=--btf_features=encode_force,var,float,enum64,decl_tag,"
       "type_tag,optimized_func,consistent_func --btf_features=layout "
       "--lang_exclude=rust"});
  ASSERT_EQ(encoded.exit_code, 0) << encoded.out << encoded.err;
  std::vector<std::string> verify = {"verify", "--against", dbg + "vmlinux"};
  verify.insert(verify.end(), copies.begin(), copies.end());
  const ProcessResult verified = daemon.Client(verify);
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;

  // The guest's memory is small, and their DWARF is not.
  std::vector<std::string> strip = {"strip", "--strip-debug"};
  strip.insert(strip.end(), copies.begin(), copies.end());
  ASSERT_EQ(RunProcess(strip).exit_code, 0);
  const Guest guest = Boot(*kernel, scratch.file("guest.log"), copies);
  for (const char* path : kModules) {
    const std::string name = fs::path(path).filename();
    ASSERT_TRUE(guest.verdicts.count(name)) << name << "\n" << guest.log;
    EXPECT_EQ(guest.verdicts.at(name), "rc=0 btf=yes") << name << "\n"
                                                       << guest.log;
  }
  EXPECT_FALSE(absl::StrContains(guest.log, "failed to validate")) << guest.log;
}

INSTANTIATE_TEST_SUITE_P(Kernel73, Encoded,
                         ::testing::Values("", "--distill_base"));

}  // namespace
}  // namespace btfd::tests
