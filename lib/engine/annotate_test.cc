// SPDX-License-Identifier: Apache-2.0
//
// What upstream does with kfuncs is checked against its tools in tests/kfunc.
// Here is what is ours alone: errors, idempotence, the base that stays as it
// is.
#include "lib/engine/annotate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/engine/testing/ids_builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::Dump;
using ::testing::HasSubstr;
using testing::IdsBuilder;

constexpr uint32_t kImplicitArgs = 1 << 16;
constexpr uint32_t kArenaRet = 1 << 13;

class AnnotateTest : public ::testing::Test {
 protected:
  AnnotateTest() {
    int_ = base_.Int("int", 4);
    aux_ = base_.Ptr(base_.Struct("bpf_prog_aux", 8));
    proto_ = base_.Proto(int_, {{"a", int_}, {"aux", aux_}});
    base_func_ = base_.Func("bpf_base", proto_);
    base_.DeclTag("bpf_kfunc", base_func_);
    steps_.kfuncs = KfuncSource::kDeclTags;
    steps_.implicit_args = true;
  }
  void UseSet8s() {
    steps_.kfuncs = KfuncSource::kSet8;
    steps_.kfunc_tags = true;
  }

  // The split after annotation, or the error.
  std::string Annotated(const BtfBuilder& split, const IdsSection& section,
                        bool follow = false) {
    section_ = section;
    auto base = btf::Base::Build(base_.Build());
    EXPECT_TRUE(base.ok()) << base.status();
    base_text_ = btf::testing::Dump(base_.Build());
    base_holder_ = *base;
    auto btf = btf::Btf::Parse(split.Build(), base->get(), ".BTF", &arena_);
    EXPECT_TRUE(btf.ok()) << btf.status();
    btf_.emplace(*std::move(btf));
    auto ids = BtfIds::Parse(section_, &arena_);
    EXPECT_TRUE(ids.ok()) << ids.status();
    if (follow) {
      EXPECT_TRUE(ids->FollowResolvedSets(*btf_).ok());
    }
    const absl::Status status =
        AnnotateKfuncs(steps_, &*btf_, &*ids, &warnings_);
    code_ = status.code();
    return status.ok() ? Dump(*btf_) : std::string(status.message());
  }

  util::Arena arena_;
  Steps steps_;
  BtfBuilder base_;
  std::string base_text_;
  std::shared_ptr<const btf::Base> base_holder_;
  TypeId int_, aux_, proto_, base_func_;
  IdsSection section_;
  std::optional<btf::Btf> btf_;
  absl::StatusCode code_ = absl::StatusCode::kOk;
  std::vector<std::string> warnings_;
};

TEST_F(AnnotateTest, TheImplTakesThePrototypeAndTheKfuncGetsAShorterOne) {
  BtfBuilder split(base_);
  const TypeId func = split.Func("bpf_foo", proto_);  // 7
  split.DeclTag("bpf_kfunc", func);
  split.DeclTag("bpf_fastcall", func);
  const IdsSection ids = IdsBuilder()
                             .BeginSet8("s")
                             .Entry("func", "bpf_foo", kImplicitArgs)
                             .EndSet()
                             .Build();
  EXPECT_EQ(Annotated(split, ids),
            "[7] FUNC 'bpf_foo' type=12 linkage=1\n"
            "[8] DECL_TAG 'bpf_kfunc' type=7 component=-1\n"
            "[9] DECL_TAG 'bpf_fastcall' type=7 component=-1\n"
            "[10] FUNC 'bpf_foo_impl' type=4 linkage=1\n"
            "[11] DECL_TAG 'bpf_fastcall' type=10 component=-1\n"
            "[12] FUNC_PROTO '' type=1\n"
            "    'a' type=1\n");
}

TEST_F(AnnotateTest, AKfuncOfTheBaseChangesTheSplitAlone) {
  const IdsSection ids = IdsBuilder()
                             .BeginSet8("s")
                             .Entry("func", "bpf_base", kImplicitArgs)
                             .EndSet()
                             .Build();
  EXPECT_EQ(Annotated(BtfBuilder(base_), ids),
            "[7] FUNC 'bpf_base_impl' type=4 linkage=1\n"
            "[8] FUNC_PROTO '' type=1\n"
            "    'a' type=1\n");
  EXPECT_EQ(base_holder_->type(base_func_).size_or_type, proto_);
}

TEST_F(AnnotateTest, NothingIsDoneWithoutTheStep) {
  steps_.implicit_args = false;
  BtfBuilder split(base_);
  split.DeclTag("bpf_kfunc", split.Func("bpf_foo", proto_));
  const IdsSection ids = IdsBuilder()
                             .BeginSet8("s")
                             .Entry("func", "bpf_foo", kImplicitArgs)
                             .EndSet()
                             .Build();
  const std::string before = Annotated(split, ids);
  steps_.kfuncs = KfuncSource::kNone;
  EXPECT_EQ(Annotated(split, ids), before);
}

TEST_F(AnnotateTest, AFinalizedKfuncGetsNoSecondPrototype) {
  BtfBuilder split(base_);
  const TypeId shorter = split.Proto(int_, {{"a", int_}});
  const TypeId func = split.Func("bpf_foo", shorter);
  split.Func("bpf_foo_impl", proto_);
  split.DeclTag("bpf_kfunc", func);
  IdsBuilder builder;
  builder.BeginSet8("s").Entry("func", "bpf_foo", kImplicitArgs).EndSet();
  IdsSection ids = builder.Build();
  const std::string raw = Annotated(split, ids, /*follow=*/true);
  EXPECT_EQ(btf_->own_count(), 5u) << raw;  // as upstream
  ids.content[0] = 1;
  ids.content[8] = static_cast<char>(func);
  const std::string finalized = Annotated(split, ids, /*follow=*/true);
  EXPECT_EQ(btf_->own_count(), 4u) << finalized;
}

TEST_F(AnnotateTest, APointerThatHasTheAttributeIsLeftAlone) {
  UseSet8s();
  BtfBuilder split(base_);
  const TypeId tagged =
      split.Ptr(split.TypeTag("address_space(1)", 0, /*attribute=*/true));
  const TypeId look_alike = split.Ptr(split.TypeTag("address_space(1)", 0));
  split.Func("bpf_foo", split.Proto(tagged, {{"p__arena", tagged}}));
  const TypeId bar =
      split.Func("bpf_bar", split.Proto(tagged, {{"p__arena", look_alike}}));
  const IdsSection ids = IdsBuilder()
                             .BeginSet8("s", 1)
                             .Entry("func", "bpf_foo", kArenaRet)
                             .Entry("func", "bpf_bar", kArenaRet)
                             .EndSet()
                             .Build();
  Annotated(split, ids);
  // Two decl tags; and for bpf_bar a prototype, an attribute and a pointer.
  EXPECT_EQ(btf_->own_count(), 8u + 2 + 3);
  const btf::TypeRecord& proto = btf_->type(btf_->type(bar).size_or_type);
  EXPECT_EQ(proto.size_or_type, tagged);
}

TEST_F(AnnotateTest, AnArenaResultOfATypeThatDoesNotExistIsNoPointer) {
  UseSet8s();
  BtfBuilder split(base_);
  // libbpf takes any return type.
  const TypeId proto = split.Proto(4711);
  split.Func("bpf_foo", proto);
  const IdsSection ids = IdsBuilder()
                             .BeginSet8("s", /*flags=*/1)
                             .Entry("func", "bpf_foo", kArenaRet)
                             .EndSet()
                             .Build();
  EXPECT_EQ(
      Annotated(split, ids),
      "ERROR: resolve_btfids: kfunc bpf_foo: arena type is not a pointer");
  EXPECT_EQ(code_, absl::StatusCode::kInvalidArgument);
}

TEST_F(AnnotateTest, ASet8BeyondTheSectionIsADefect) {
  UseSet8s();
  IdsBuilder builder;
  builder.Word(0).Word(1).Symbol("__BTF_ID__set8__s", 0, 24);
  EXPECT_EQ(Annotated(BtfBuilder(base_), builder.Build()),
            ".BTF_ids: set8 s at offset 0 does not fit the section of 8 bytes");
  EXPECT_EQ(code_, absl::StatusCode::kInvalidArgument);
}

TEST_F(AnnotateTest, FlagsBeyondTheSectionAreADefect) {
  BtfBuilder split(base_);
  split.DeclTag("bpf_kfunc", split.Func("bpf_foo", proto_));
  IdsBuilder builder;
  builder.Word(0).Word(0).Word(0);
  builder.Symbol("__BTF_ID__set8__s", 0, 16);
  builder.Symbol("__BTF_ID__func__bpf_foo__1", 8, 4);
  EXPECT_THAT(Annotated(split, builder.Build()),
              HasSubstr(".BTF_ids: set8 s at offset 0 does not fit"));
  EXPECT_EQ(code_, absl::StatusCode::kInvalidArgument);
}

TEST_F(AnnotateTest, ABaseThatMustNotBeTouchedEndsTheRun) {
  base_.form().hdr_len = 40;
  base_.form().header_extra = std::string(8, 'x');
  UseSet8s();
  BtfBuilder split(base_);
  split.Func("bpf_foo", proto_);
  const IdsSection ids =
      IdsBuilder().BeginSet8("s", 1).Entry("func", "bpf_foo").EndSet().Build();
  EXPECT_THAT(Annotated(split, ids),
              HasSubstr("base: its header has content behind the known"));
  EXPECT_EQ(code_, absl::StatusCode::kFailedPrecondition);
}

TEST_F(AnnotateTest, ATagWithoutTextIsNotCopied) {
  BtfBuilder split(base_);
  const TypeId func = split.Func("bpf_foo", proto_);
  split.DeclTag("bpf_kfunc", func);
  split.DeclTag("", func);
  const IdsSection ids = IdsBuilder()
                             .BeginSet8("s")
                             .Entry("func", "bpf_foo", kImplicitArgs)
                             .EndSet()
                             .Build();
  EXPECT_EQ(Annotated(split, ids),
            ".BTF: type 9, a decl tag of kfunc bpf_foo, has no text or "
            "component -1");
}

}  // namespace
}  // namespace btfd::engine
