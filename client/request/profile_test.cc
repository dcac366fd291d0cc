// SPDX-License-Identifier: Apache-2.0
#include "client/request/profile.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::HasSubstr;

TEST(Profile, NamesAndKernelVersionsAreKnown) {
  const std::vector<std::pair<std::string, Release>> cases = {
      {"6.x", Release::k6x},       {"6.12", Release::k6x},
      {"6.12.30", Release::k6x},   {"6.19.0-rc1", Release::k6x},
      {"5.15.0", Release::k6x},    {"7.0", Release::k70},
      {"7.0.0-rc7", Release::k70}, {"7.1", Release::k72},
      {"7.2", Release::k72},       {"7.2.12+deb14", Release::k72},
      {"7.2-rc1", Release::k72},   {"7.3", Release::k73},
      {"7.3.4", Release::k73},
  };
  for (const auto& [name, release] : cases) {
    const absl::StatusOr<Profile> profile = ProfileByName(name);
    ASSERT_TRUE(profile.ok()) << name << ": " << profile.status();
    EXPECT_EQ(profile->release, release) << name;
    EXPECT_FALSE(profile->newer_than_known) << name;
  }
}

TEST(Profile, WhatIsNewerThanTheNewestKnownIsTheNewest) {
  for (const std::string name : {"7.4", "7.10.1", "8.0.0-rc1"}) {
    const absl::StatusOr<Profile> profile = ProfileByName(name);
    ASSERT_TRUE(profile.ok()) << name;
    EXPECT_EQ(profile->release, Release::k73) << name;
    EXPECT_TRUE(profile->newer_than_known) << name;
  }
}

TEST(Profile, OtherWordsAreRefusedByName) {
  for (const std::string name : {"", "7", "7.", "x", "7.2x", "seven", ".3"}) {
    const absl::StatusOr<Profile> profile = ProfileByName(name);
    EXPECT_EQ(profile.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(profile.status().message()),
                HasSubstr("no such profile: '" + name + "'"));
  }
}

struct ChoiceCase {
  DropInSituation situation;
  Release release;
};

TEST(DropInProfile, IsToldByEnvironmentThenKbuildThenArguments) {
  const std::vector<ChoiceCase> cases = {
      // BTFD_PROFILE comes first.
      {{"7.3", "6.12.0", false, false, true}, Release::k73},
      {{"6.x", "7.2.0", true, true, false}, Release::k6x},
      // kbuild's version comes before the arguments.
      {{"", "7.3.4", false, false, true}, Release::k73},
      {{"", "6.12.30", true, true, false}, Release::k6x},
      {{"", "7.0.1", true, false, false}, Release::k70},
      // KERNELVERSION is ignored if it is no version.
      {{"", "next", false, false, true}, Release::k6x},
      {{"", "next", true, false, true}, Release::k72},
      // Only the arguments are left.
      {{"", "", false, false, true}, Release::k6x},
      {{"", "", false, false, false}, Release::k72},
      {{"", "", true, false, true}, Release::k72},
      {{"", "", false, true, true}, Release::k72},
  };
  for (const ChoiceCase& c : cases) {
    const absl::StatusOr<Profile> profile = ChooseDropInProfile(c.situation);
    ASSERT_TRUE(profile.ok()) << profile.status();
    EXPECT_EQ(profile->release, c.release)
        << c.situation.btfd_profile << " " << c.situation.kernel_version << " "
        << c.situation.btf_option << c.situation.distill_option
        << c.situation.elf_has_btf;
  }
}

TEST(DropInProfile, AWrongBtfdProfileIsAnError) {
  const absl::StatusOr<Profile> profile = ChooseDropInProfile({"new", "7.2"});
  EXPECT_EQ(profile.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(FinalizeProfile, IsToldByOptionThenEnvironmentElseSevenTwo) {
  EXPECT_EQ(ChooseFinalizeProfile("7.3", "7.0", "6.1")->release, Release::k73);
  EXPECT_EQ(ChooseFinalizeProfile("", "7.0", "6.1")->release, Release::k70);
  EXPECT_EQ(ChooseFinalizeProfile("", "", "6.1")->release, Release::k6x);
  EXPECT_EQ(ChooseFinalizeProfile("", "", "")->release, Release::k72);
  EXPECT_FALSE(ChooseFinalizeProfile("new", "", "").ok());
}

TEST(Steps, AreTheDesignsTable) {
  const v1::Steps six = StepsOf({Release::k6x}, {});
  EXPECT_EQ(six.kfuncs(), v1::KFUNCS_NONE);
  EXPECT_TRUE(six.resolve_ids());
  EXPECT_FALSE(six.sort() || six.dedup() || six.implicit_args());

  const v1::Steps seven0 = StepsOf({Release::k70}, {/*distill=*/true});
  EXPECT_EQ(seven0.kfuncs(), v1::KFUNCS_DECL_TAGS);
  EXPECT_TRUE(seven0.sort() && seven0.implicit_args() && seven0.distill());
  EXPECT_FALSE(seven0.dedup() || seven0.kfunc_tags());
  EXPECT_EQ(seven0.new_header_size(), 24u);

  EXPECT_EQ(StepsOf({Release::k72}, {}).new_header_size(), 32u);
  EXPECT_FALSE(StepsOf({Release::k72}, {}).dedup());
  EXPECT_TRUE(StepsOf({Release::k72}, {false, /*dedup=*/true}).dedup());

  const v1::Steps seven3 = StepsOf({Release::k73}, {});
  EXPECT_EQ(seven3.kfuncs(), v1::KFUNCS_SET8);
  EXPECT_TRUE(seven3.kfunc_tags() && seven3.dedup() && seven3.sort());
  EXPECT_FALSE(seven3.distill() || seven3.rebase() ||
               seven3.follow_resolved_ids());
}

}  // namespace
}  // namespace btfd::client
