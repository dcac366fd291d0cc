// SPDX-License-Identifier: Apache-2.0
#include "client/min_core/output_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(OutputNames, AreFileNamesWithoutEndings) {
  EXPECT_THAT(
      *OutputNames({"/boot/vmlinuz-6.12.1", "a/5.4.0-42.btf.xz",
                    "nf_nat.ko.zst", "x/execsnoop.bpf.o", "b.o"}),
      ElementsAre("vmlinuz-6.12.1", "5.4.0-42", "nf_nat", "execsnoop", "b"));
}

TEST(OutputNames, TakeDirectoriesWhereFilesHaveOneName) {
  EXPECT_THAT(*OutputNames({"k/6.12/vmlinux.btf", "./k/7.3/vmlinux", "other"}),
              ElementsAre("6.12/vmlinux", "7.3/vmlinux", "other"));
  EXPECT_THAT(*OutputNames({"a/x/vmlinux", "b/x/vmlinux"}),
              ElementsAre("a/x/vmlinux", "b/x/vmlinux"));
}

TEST(OutputNames, DoNotLeadUpwards) {
  EXPECT_THAT(*OutputNames({"../vmlinux", "../../b/../vmlinux2"}),
              ElementsAre("vmlinux", "vmlinux2"));
  EXPECT_THAT(*OutputNames({"/", "x/.btf"}), ElementsAre("kernel", ".btf"));
}

TEST(OutputNames, OneFileTwiceIsAnError) {
  const auto names = OutputNames({"a/vmlinux", "./a/vmlinux.btf"});
  EXPECT_EQ(names.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(names.status().message(),
              HasSubstr("./a/vmlinux.btf: its output would have"));
}

}  // namespace
}  // namespace btfd::client
