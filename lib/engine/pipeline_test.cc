// SPDX-License-Identifier: Apache-2.0
//
// The stages together: which outputs there are, in which order things happen,
// what a failure says, and that finalizing twice is the same as once.
#include "lib/engine/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/btf/dedup_index.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/engine/testing/ids_builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::Dump;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IdsBuilder;
using ::testing::IsEmpty;
using testing::WordsOf;

class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() {
    int_ = base_.Int("int", 4);
    task_ = base_.Struct("task_struct", 64, {{"pid", int_, 0}});
    base_.Ptr(task_);
    base_.Struct("unused_struct", 8);
    steps_.sort = true;
  }

  // A split with a copy of the base's struct, not in the order of names.
  std::string SplitBtf() {
    BtfBuilder split(base_);
    const TypeId i32 = split.Int("int", 4);
    const TypeId task = split.Struct("task_struct", 64, {{"pid", i32, 0}});
    const TypeId own =
        split.Struct("own", 16, {{"t", split.Ptr(task), 0}, {"n", i32, 64}});
    split.Func("use_own", split.Proto(0, {{"o", split.Ptr(own)}}));
    split.Func("do_own", split.Proto(i32));
    return split.Build();
  }
  static IdsBuilder Ids() {
    return IdsBuilder()
        .BeginSet8("s")
        .Entry("func", "use_own", 1)
        .Entry("func", "do_own", 2)
        .EndSet()
        .Single("struct", "unused_struct");
  }

  FinalizeInput Input(const std::string& btf) {
    FinalizeInput input;
    input.btf = btf;
    base_holder_ = *btf::Base::Build(base_.Build());
    index_ = *btf::DedupIndex::Build(*base_holder_);
    input.base = base_holder_.get();
    input.dedup_index = index_.get();
    return input;
  }
  absl::Status Run(const FinalizeInput& input) {
    output_ = FinalizeOutput();
    util::Arena arena;
    return Finalize(input, steps_, &arena, &output_);
  }

  BtfBuilder base_;
  TypeId int_, task_;
  Steps steps_;
  std::shared_ptr<const btf::Base> base_holder_;
  std::shared_ptr<const btf::DedupIndex> index_;
  FinalizeOutput output_;
};

TEST_F(PipelineTest, InTreeGivesBtfAndIds) {
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  input.ids = Ids().Build();
  ASSERT_TRUE(Run(input).ok());
  EXPECT_TRUE(output_.btf.has_value());
  EXPECT_FALSE(output_.btf_base.has_value());
  EXPECT_THAT(WordsOf(*output_.btf_ids), ElementsAre(2, 0, 9, 2, 13, 1, 4));
  EXPECT_EQ(output_.types_in, 9u);
  EXPECT_EQ(output_.types_out, 9u);
  EXPECT_THAT(output_.warnings, IsEmpty());
}

TEST_F(PipelineTest, DedupComesBeforeDistill) {
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  input.ids = Ids().Build();
  steps_.dedup = true;
  steps_.distill = true;
  ASSERT_TRUE(Run(input).ok());
  EXPECT_EQ(Dump(*output_.btf_base),
            "[1] INT 'int' size=4 encoding=0x1000020\n"
            "[2] STRUCT 'task_struct' size=64\n");
  EXPECT_EQ(output_.types_out, 7u);
  // What the split does not refer to is no longer there to be resolved.
  EXPECT_THAT(output_.warnings,
              ElementsAre("WARN: resolve_btfids: unresolved symbol "
                          "unused_struct"));
  EXPECT_EQ(WordsOf(*output_.btf_ids).back(), 0u);
}

TEST_F(PipelineTest, WithoutStepsOnlyIdsArePatched) {
  steps_ = Steps();
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  input.ids = Ids().Build();
  ASSERT_TRUE(Run(input).ok());
  EXPECT_FALSE(output_.btf.has_value());
  EXPECT_THAT(WordsOf(*output_.btf_ids), ElementsAre(2, 0, 11, 1, 13, 2, 4));
}

TEST_F(PipelineTest, WithoutStepsAndIdsNothingIsEvenLookedAt) {
  steps_ = Steps();
  ASSERT_TRUE(Run(Input("no BTF at all")).ok());
  EXPECT_FALSE(output_.btf.has_value());
  EXPECT_FALSE(output_.btf_ids.has_value());
}

TEST_F(PipelineTest, DistillIsLeftOutWithoutABase) {
  steps_.distill = true;
  FinalizeInput input;
  const std::string vmlinux = base_.Build();
  input.btf = vmlinux;
  ASSERT_TRUE(Run(input).ok());
  EXPECT_TRUE(output_.btf.has_value());
  EXPECT_FALSE(output_.btf_base.has_value());
}

TEST_F(PipelineTest, AnEmptyIdsSectionLeavesNoFile) {
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  input.ids = IdsSection();
  ASSERT_TRUE(Run(input).ok());
  EXPECT_FALSE(output_.btf_ids.has_value());
}

TEST_F(PipelineTest, ADistilledModuleGoesBackOntoItsBase) {
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  input.ids = Ids().Build();
  steps_.dedup = true;
  ASSERT_TRUE(Run(input).ok());
  const std::string in_tree = Dump(*output_.btf, base_holder_.get());
  const std::string in_tree_ids = *output_.btf_ids;
  steps_.distill = true;
  ASSERT_TRUE(Run(input).ok());
  const FinalizeOutput distilled = output_;

  input.btf = *distilled.btf;
  input.distilled_base = *distilled.btf_base;
  input.ids->content = *distilled.btf_ids;
  steps_.distill = false;
  steps_.follow_resolved_ids = true;
  ASSERT_TRUE(Run(input).ok());
  EXPECT_EQ(Dump(*output_.btf, base_holder_.get()), in_tree);
  EXPECT_EQ(*output_.btf_ids, in_tree_ids);
}

TEST_F(PipelineTest, WithItsDistilledBaseAloneAModuleStaysOverThat) {
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  steps_.distill = true;
  ASSERT_TRUE(Run(input).ok());
  const FinalizeOutput distilled = output_;

  FinalizeInput alone;
  alone.btf = *distilled.btf;
  alone.distilled_base = *distilled.btf_base;
  ASSERT_TRUE(Run(alone).ok());
  EXPECT_EQ(output_.btf, distilled.btf);
  EXPECT_FALSE(output_.btf_base.has_value());
  steps_.dedup = true;
  EXPECT_TRUE(Run(alone).ok());
}

TEST_F(PipelineTest, TwiceIsTheSameAsOnceInEveryCombination) {
  for (const bool dedup : {false, true}) {
    for (const bool distill : {false, true}) {
      steps_.dedup = dedup;
      steps_.distill = distill;
      steps_.follow_resolved_ids = true;
      const std::string split = SplitBtf();
      FinalizeInput input = Input(split);
      input.ids = Ids().Build();
      ASSERT_TRUE(Run(input).ok());
      const FinalizeOutput once = output_;
      input.btf = *once.btf;
      const std::string once_base = once.btf_base.value_or("");
      input.distilled_base = once_base;
      input.ids->content = *once.btf_ids;
      const absl::Status again = Run(input);
      ASSERT_TRUE(again.ok()) << again;
      EXPECT_EQ(output_.btf, once.btf) << dedup << distill;
      EXPECT_EQ(output_.btf_base, once.btf_base) << dedup << distill;
      EXPECT_EQ(output_.btf_ids, once.btf_ids) << dedup << distill;
    }
  }
}

TEST_F(PipelineTest, AStandaloneBtfIsPutOverTheBase) {
  BtfBuilder standalone;
  const TypeId i32 = standalone.Int("int", 4);
  standalone.Typedef("own_t", i32);
  const std::string raw = standalone.Build();
  steps_.rebase = true;
  ASSERT_TRUE(Run(Input(raw)).ok());
  EXPECT_EQ(Dump(*output_.btf, base_holder_.get()),
            "[5] TYPEDEF 'own_t' type=1\n");
}

TEST_F(PipelineTest, RebaseNeedsABaseAndABtfWithoutOne) {
  steps_.rebase = true;
  FinalizeInput input;
  const std::string raw = base_.Build();
  input.btf = raw;
  EXPECT_EQ(Run(input), absl::InvalidArgumentError(
                            ".BTF: there is no base to put it over"));
  input = Input(raw);
  input.distilled_base = raw;
  EXPECT_EQ(Run(input), absl::InvalidArgumentError(
                            ".BTF.base: a BTF that has a distilled base cannot "
                            "be put over another base"));
}

// Each string of its own, so that their order shows.
std::string Residue() {
  BtfBuilder residue;
  residue.String("unused");
  const TypeId i32 = residue.Int("int", 4);
  residue.Typedef("z_t", i32);
  residue.Typedef("z_t", i32);
  residue.Typedef("a_t", i32);
  return residue.Build();
}

TEST_F(PipelineTest, AResidueBecomesWhatPaholeHadWritten) {
  const std::string raw = Residue();
  steps_ = Steps();
  for (const LibbpfRules rules :
       {LibbpfRules::k1_1, LibbpfRules::k1_5, LibbpfRules::k1_7}) {
    steps_.encoded = rules;
    ASSERT_TRUE(Run(Input(raw)).ok());
    EXPECT_EQ(Dump(*output_.btf, base_holder_.get()),
              "[5] TYPEDEF 'z_t' type=1\n[6] TYPEDEF 'a_t' type=1\n");
    EXPECT_EQ(output_.btf->size(), 24 + 2 * 12 + sizeof("unused\0z_t\0a_t"));
    EXPECT_EQ(output_.types_in, 4u);
    EXPECT_EQ(output_.types_out, 2u);
    FinalizeInput alone;
    alone.btf = raw;
    ASSERT_TRUE(Run(alone).ok());
    EXPECT_EQ(output_.btf->size(),
              24 + 16 + 2 * 12 + sizeof("\0unused\0int\0z_t\0a_t"));
  }
}

TEST_F(PipelineTest, AResidueGoesOnAsWhatPaholeHadWrittenWould) {
  const std::string raw = Residue();
  for (const bool distill : {false, true}) {
    for (const bool dedup : {false, true}) {
      steps_ = Steps();
      steps_.encoded = LibbpfRules::k1_7;
      ASSERT_TRUE(Run(Input(raw)).ok());
      const std::string written = *output_.btf;
      steps_.sort = true;
      steps_.dedup = dedup;
      steps_.distill = distill;
      ASSERT_TRUE(Run(Input(raw)).ok());
      const FinalizeOutput at_once = output_;
      steps_.encoded.reset();
      ASSERT_TRUE(Run(Input(written)).ok());
      EXPECT_EQ(at_once.btf, output_.btf) << dedup << distill;
      EXPECT_EQ(at_once.btf_base, output_.btf_base) << dedup << distill;
    }
  }
}

TEST_F(PipelineTest, AResidueIsNothingThatHasBeenFinished) {
  const std::string raw = Residue();
  const FinalizeInput input = Input(raw);
  const auto refuses = [&](Steps steps, absl::string_view distilled = "") {
    steps.encoded = LibbpfRules::k1_7;
    steps_ = steps;
    FinalizeInput changed = input;
    changed.distilled_base = distilled;
    EXPECT_THAT(std::string(Run(changed).message()),
                HasSubstr("residue can neither be rebased"));
    EXPECT_EQ(output_.failed_in, FailedIn::kBtf);
  };
  Steps steps;
  steps.rebase = true;
  refuses(steps);
  steps = Steps();
  steps.kernel_check = true;
  refuses(steps);
  steps = Steps();
  steps.follow_resolved_ids = true;
  refuses(steps);
  refuses(Steps(), raw);
}

TEST_F(PipelineTest, AFailureSaysInWhichPartItWas) {
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  input.ids = IdsBuilder().Symbol("__BTF_ID__nonsense", 0, 4).Build();
  EXPECT_EQ(Run(input).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(output_.failed_in, FailedIn::kIds);

  input = Input("no BTF");
  const absl::Status bad_btf = Run(input);
  EXPECT_EQ(bad_btf.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad_btf.message()), HasSubstr(".BTF: "));
  EXPECT_EQ(output_.failed_in, FailedIn::kBtf);

  input = Input(split);
  input.distilled_base = "nonsense";
  const absl::Status bad_distilled = Run(input);
  EXPECT_EQ(bad_distilled.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad_distilled.message()), HasSubstr(".BTF.base: "));
  EXPECT_EQ(output_.failed_in, FailedIn::kDistilledBase);
}

TEST_F(PipelineTest, UnknownHeaderContentIsADefectOfTheInput) {
  BtfBuilder split(base_);
  split.Ptr(int_);
  split.form().hdr_len = 40;
  split.form().header_extra = std::string(8, 'x');
  const std::string raw = split.Build();
  const absl::Status status = Run(Input(raw));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(".BTF: the BTF header"));
}

TEST_F(PipelineTest, TheKernelsRulesAreAskedOfWhatComesAndOnlyIfWanted) {
  BtfBuilder split(base_);
  const TypeId bad = split.Enum("three_bytes", 3);
  const std::string raw = split.Build();
  ASSERT_TRUE(Run(Input(raw)).ok());
  EXPECT_FALSE(output_.kernel_checked.has_value());

  steps_ = Steps();
  steps_.kernel_check = true;
  const absl::Status status = Run(Input(raw));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            absl::StrCat(".BTF: type ", bad,
                         " (ENUM three_bytes): its size is 3, and not 1, 2, 4 "
                         "or 8 bytes"));
  EXPECT_EQ(output_.failed_in, FailedIn::kBtf);

  ASSERT_TRUE(Run(Input(SplitBtf())).ok());
  EXPECT_EQ(output_.kernel_checked, output_.types_in);
  EXPECT_FALSE(output_.btf.has_value());
}

TEST_F(PipelineTest, TheKernelJudgesADistilledBaseAndThenRelocates) {
  steps_ = Steps();
  steps_.kernel_check = true;
  BtfBuilder distilled;
  distilled.Struct("task_struct", 64);
  BtfBuilder split(distilled);
  split.Ptr(1);
  const std::string raw = split.Build();
  const std::string base = distilled.Build();
  FinalizeInput input = Input(raw);
  input.distilled_base = base;
  ASSERT_TRUE(Run(input).ok());
  EXPECT_EQ(output_.kernel_checked, 2u);

  // Defects of all three parts: the kernel meets them in this order.
  distilled.Struct("not_there", 1);
  const std::string unknown = distilled.Build();
  input.distilled_base = unknown;
  EXPECT_THAT(std::string(Run(input).message()),
              HasSubstr(".BTF.base: type 2 (not_there) has no match"));
  BtfBuilder spoiled(distilled);
  spoiled.Enum("e", 3);
  const std::string spoiled_split = spoiled.Build();
  input.btf = spoiled_split;
  EXPECT_THAT(std::string(Run(input).message()),
              HasSubstr(".BTF: type 3 (ENUM e): its size is 3"));
  EXPECT_EQ(output_.failed_in, FailedIn::kBtf);
  distilled.form().flags = 1;
  const std::string flagged = distilled.Build();
  input.distilled_base = flagged;
  EXPECT_THAT(std::string(Run(input).message()),
              HasSubstr(".BTF.base: offset 3: flags 1"));
  EXPECT_EQ(output_.failed_in, FailedIn::kDistilledBase);
}

TEST_F(PipelineTest, WarningsStandBesideAFailure) {
  const std::string split = SplitBtf();
  FinalizeInput input = Input(split);
  input.ids = IdsBuilder()
                  .Single("func", "gone")
                  .Symbol("__BTF_ID__func__do_own__9", 100, 4)
                  .Build();
  const absl::Status status = Run(input);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("do_own at offset 100 does not lie in the section"));
  EXPECT_THAT(output_.warnings,
              ElementsAre("WARN: resolve_btfids: unresolved symbol gone"));
}

TEST_F(PipelineTest, AllHeadersOfWhatDistillMakesAreAsLongAsAsked) {
  const std::string split = SplitBtf();
  steps_.distill = true;
  steps_.new_header_size = 24;
  ASSERT_TRUE(Run(Input(split)).ok());
  EXPECT_EQ((*output_.btf)[4], 24);
  EXPECT_EQ((*output_.btf_base)[4], 24);
}

TEST_F(PipelineTest, NamesOfABaseAreThoseThatMeanMoreThanOneDefinition) {
  base_.Fwd("declared");
  base_.Fwd("declared_union", true);
  base_.Struct("repeated", 4, {{"a", int_, 0}});
  base_.Union("repeated", 4, {{"b", int_, 0}});
  steps_ = Steps();
  steps_.base_names = true;
  ASSERT_TRUE(Run(Input("")).ok());
  ASSERT_TRUE(output_.base_names.has_value());
  EXPECT_THAT(output_.base_names->declared,
              ElementsAre("declared", "declared_union"));
  EXPECT_THAT(output_.base_names->repeated, ElementsAre("repeated"));
  EXPECT_FALSE(output_.btf.has_value());

  const absl::Status without_base = Run(FinalizeInput());
  EXPECT_EQ(without_base.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(without_base.message()), HasSubstr("no base"));
}

// A residue that declares task_struct and defines it with other members than
// the base: the forward can stand for either.
TEST_F(PipelineTest, AnInternedResidueIsRefusedWhereAForwardHasTwoMeanings) {
  BtfBuilder residue;
  const TypeId i32 = residue.Int("int", 4);
  const TypeId forward = residue.Fwd("task_struct");
  residue.Ptr(forward);
  residue.Struct("task_struct", 64, {{"other", i32, 0}});
  const std::string raw = residue.Build();
  steps_ = Steps();
  steps_.encoded = LibbpfRules::k1_7;
  ASSERT_TRUE(Run(Input(raw)).ok());

  steps_.interned_forwards = {forward};
  EXPECT_EQ(Run(Input(raw)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(output_.failed_in, FailedIn::kInterning);
  steps_.interned_forwards->clear();
  EXPECT_TRUE(Run(Input(raw)).ok());

  steps_.interned_forwards = {i32};
  const absl::Status no_forward = Run(Input(raw));
  EXPECT_EQ(output_.failed_in, FailedIn::kBtf);
  EXPECT_THAT(std::string(no_forward.message()),
              HasSubstr("type 1 is no forward declaration"));

  FinalizeInput without_base = Input(raw);
  without_base.base = nullptr;
  without_base.dedup_index = nullptr;
  EXPECT_THAT(std::string(Run(without_base).message()),
              HasSubstr("can be interned"));
}

TEST_F(PipelineTest, AnInternedResidueIsTakenWhereAForwardHasOneMeaning) {
  BtfBuilder residue;
  const TypeId i32 = residue.Int("int", 4);
  const TypeId forward = residue.Fwd("task_struct");
  residue.Ptr(forward);
  residue.Struct("task_struct", 64, {{"pid", i32, 0}});
  const std::string raw = residue.Build();
  steps_ = Steps();
  steps_.encoded = LibbpfRules::k1_7;
  steps_.interned_forwards = {forward};
  ASSERT_TRUE(Run(Input(raw)).ok());
  EXPECT_EQ(output_.types_out, 0u);
}

}  // namespace
}  // namespace btfd::engine
