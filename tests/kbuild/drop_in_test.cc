// SPDX-License-Identifier: Apache-2.0
//
// A real kbuild of Linux 6.12 with our RESOLVE_BTFIDS, compared with the same
// build with Debian's own tool.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/kbuild/module_tree.h"
#include "tests/support/module_input.h"
#include "tests/support/private_daemon.h"

namespace btfd::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class KbuildOf612 : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::string> build = FindBuildDirectory("6.12");
    ASSERT_TRUE(build.ok()) << build.status();
    tree_ = std::make_unique<ModuleTree>(*build, "tests/kbuild/module");
  }

  std::map<std::string, std::string> BuildWithDebiansTool() const {
    const ProcessResult build = tree_->Make({});
    EXPECT_EQ(build.exit_code, 0) << build.err;
    EXPECT_THAT(build.err, Not(HasSubstr("Skipping BTF")));
    return tree_->Modules();
  }
  std::string OurTool() const {
    return "RESOLVE_BTFIDS=" + daemon_.programs().resolve_btfids;
  }

  PrivateDaemon daemon_{Programs::OfRunfiles()};
  std::unique_ptr<ModuleTree> tree_;
};

// If this did not hold, the comparisons below would show nothing.
TEST_F(KbuildOf612, DebiansToolResolvesTheSetsOfTheModule) {
  const auto modules = BuildWithDebiansTool();
  ASSERT_EQ(modules.size(), 2u);
  const auto module = ReadModuleInput(tree_->path() + "/btfd_kfuncs.ko");
  ASSERT_TRUE(module.ok()) << module.status();
  ASSERT_TRUE(module->ids.has_value());
  // Two sets of three and one, and a list of four of which one is unused.
  EXPECT_EQ(module->ids->content.size(), 8 + 3 * 8 + 8 + 8 + 4 * 4u);
  EXPECT_EQ(module->ids->content.substr(0, 4), std::string("\3\0\0\0", 4));
  const auto plain = ReadModuleInput(tree_->path() + "/btfd_plain.ko");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_FALSE(plain->btf.empty());
  EXPECT_FALSE(plain->ids.has_value());
}

TEST_F(KbuildOf612, OurToolMakesTheSameModules) {
  const auto theirs = BuildWithDebiansTool();
  const ProcessResult build = tree_->Make({OurTool()}, daemon_.Environment());
  EXPECT_EQ(build.exit_code, 0) << build.err;
  const auto ours = tree_->Modules();
  ASSERT_EQ(ours.size(), 2u);
  for (const auto& [name, content] : theirs) {
    EXPECT_TRUE(ours.count(name) && ours.at(name) == content) << name;
  }
  EXPECT_TRUE(daemon_.Pid().ok()) << "the daemon was not asked";
}

TEST_F(KbuildOf612, WithoutASharedDaemonTheModulesAreTheSame) {
  const auto theirs = BuildWithDebiansTool();
  const ProcessResult build = tree_->Make(
      {OurTool()}, daemon_.Environment({"BTFD_REQUIRE", "BTFD_DISABLE=1"}));
  EXPECT_EQ(build.exit_code, 0) << build.err;
  EXPECT_TRUE(tree_->Modules() == theirs);
  EXPECT_FALSE(daemon_.Pid().ok());
}

TEST_F(KbuildOf612, WithoutAnyDaemonTheBuildSaysWhatIsMissing) {
  const ProcessResult build = tree_->Make(
      {OurTool()}, daemon_.Environment({"BTFD_DAEMON=/no/such/btfd"}));
  EXPECT_NE(build.exit_code, 0);
  EXPECT_THAT(build.err, HasSubstr("/no/such/btfd"));
}

}  // namespace
}  // namespace btfd::tests
