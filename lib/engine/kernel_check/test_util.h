// SPDX-License-Identifier: Apache-2.0
//
// Builds a BTF, parses it and runs the kernel check, for tests.
#ifndef BTFD_LIB_ENGINE_KERNEL_CHECK_TEST_UTIL_H_
#define BTFD_LIB_ENGINE_KERNEL_CHECK_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/kernel_check/kernel_check.h"
#include "lib/util/arena.h"

namespace btfd::engine {

// "ok", or why not. A test fails whose BTF libbpf refuses already.
inline std::string CheckResult(const std::string& raw, const btf::Base* base,
                               const KernelRules& rules) {
  util::Arena arena;
  const auto btf = btf::Btf::Parse(raw, base, ".BTF", &arena);
  EXPECT_TRUE(btf.ok()) << btf.status() << ": libbpf refuses it already";
  if (!btf.ok()) return "not parsed";
  const absl::Status status = KernelCheck(raw, *btf, rules, ".BTF");
  if (status.ok()) return "ok";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(status.message(), ".BTF: ")) << status;
  return std::string(status.message());
}

inline std::string CheckResult(const btf::testing::BtfBuilder& builder,
                               const KernelRules& rules = {}) {
  return CheckResult(builder.Build(), nullptr, rules);
}

inline std::string CheckResultOver(const btf::testing::BtfBuilder& base,
                                   const btf::testing::BtfBuilder& split,
                                   const KernelRules& rules = {}) {
  const auto indexed = btf::Base::Build(base.Build());
  EXPECT_TRUE(indexed.ok()) << indexed.status();
  return CheckResult(split.Build(), indexed->get(), rules);
}

}  // namespace btfd::engine

#endif  // BTFD_LIB_ENGINE_KERNEL_CHECK_TEST_UTIL_H_
