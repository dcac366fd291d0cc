// SPDX-License-Identifier: Apache-2.0
#include "client/encode/pahole_arguments.h"

#include "client/cli/program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace btfd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::Optional;

std::optional<PaholeEncoding> Parse(const std::string& line) {
  return ParsePaholeEncoding(SplitWords(line));
}

TEST(PaholeArguments, Of612sKbuildForAModule) {
  const auto call = Parse(
      "-J --btf_gen_floats -j --lang_exclude=rust --btf_base vmlinux m.ko");
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->base, "vmlinux");
  EXPECT_EQ(call->elf, "m.ko");
  EXPECT_FALSE(call->detached.has_value());
  EXPECT_FALSE(call->distill);
  EXPECT_THAT(call->rest, ElementsAre("-J", "--btf_gen_floats", "-j",
                                      "--lang_exclude=rust"));
}

TEST(PaholeArguments, Of612sKbuildWithANewPaholeDistill) {
  const auto call = Parse(
      "-J -j --btf_features=encode_force,var --btf_features=distilled_base "
      "--btf_base=vmlinux m.ko");
  ASSERT_TRUE(call.has_value());
  EXPECT_TRUE(call->distill);
  EXPECT_THAT(call->rest,
              ElementsAre("-J", "-j", "--btf_features=encode_force,var",
                          "--btf_features="));
}

TEST(PaholeArguments, OfGenBtfHaveADetachedFile) {
  const auto call = Parse(
      "-J -j8 --btf_features=encode_force,layout --lang_exclude rust "
      "--btf_base /build/vmlinux --btf_encode_detached=m.ko.BTF.1 m.ko");
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->base, "/build/vmlinux");
  EXPECT_THAT(call->detached, Optional(Eq("m.ko.BTF.1")));
  EXPECT_THAT(call->rest,
              ElementsAre("-J", "-j8", "--btf_features=encode_force,layout",
                          "--lang_exclude", "rust"));
}

TEST(PaholeArguments, FeatureIsTakenFromAnyPlaceOfTheList) {
  bool had_it = false;
  EXPECT_THAT(
      WithoutDistilledBase(
          SplitWords("--btf_features distilled_base,var --btf_features_strict="
                     "enum64,distilled_base,float -J"),
          &had_it),
      ElementsAre("--btf_features=var", "--btf_features_strict=enum64,float",
                  "-J"));
  EXPECT_TRUE(had_it);
}

TEST(PaholeArguments, NothingToTakeOutLeavesTheFlagAlone) {
  bool had_it = false;
  EXPECT_THAT(
      WithoutDistilledBase(SplitWords("--btf_features=var -j"), &had_it),
      ElementsAre("--btf_features=var", "-j"));
  EXPECT_FALSE(had_it);
}

TEST(PaholeArguments, OtherCallsArePaholesOwn) {
  for (const char* line : {
           "--version",
           "-J vmlinux",                               // no base
           "-J --btf_gen_floats .tmp_vmlinux.btf",     //
           "--btf_base vmlinux m.ko",                  // prints types
           "-C list_head --btf_base vmlinux m.ko",     //
           "-J --btf_base vmlinux",                    // no file
           "-J --btf_base vmlinux a.ko b.ko",          // two
           "-J --new_option --btf_base vmlinux m.ko",  // may take a value
           "-JV --btf_base vmlinux m.ko",              // bundled
           "-J m.ko --btf_base",                       // value missing
           "-J --btf_base vmlinux m.ko -j x4",         //
           "",
       }) {
    EXPECT_FALSE(Parse(line).has_value()) << line;
  }
}

}  // namespace
}  // namespace btfd::client
