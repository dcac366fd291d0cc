// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/kernel_check/kfunc_sets.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/testing/ids_builder.h"
#include "lib/util/arena.h"

namespace btfd::engine {
namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using testing::IdsBuilder;

constexpr uint32_t kNew = 1 << 8, kNext = 1 << 9, kDestroy = 1 << 10;

struct Entry {
  TypeId id;
  uint32_t flags = 0;
};

// A set as finalization leaves it.
IdsSection FinalizedSet(const std::vector<Entry>& entries,
                        uint32_t set_flags = 1) {
  IdsBuilder ids;
  ids.BeginSet8("my_set", set_flags);
  for (const Entry& entry : entries) ids.Entry("func", "f", entry.flags);
  IdsSection section = ids.EndSet().Build();
  const auto put = [&](size_t word, uint32_t value) {
    memcpy(&section.content[4 * word], &value, sizeof(value));
  };
  put(0, static_cast<uint32_t>(entries.size()));
  for (size_t i = 0; i < entries.size(); ++i) put(2 + 2 * i, entries[i].id);
  return section;
}

// A module with kfuncs over a kernel with one function.
class KernelCheckKfuncsTest : public ::testing::Test {
 protected:
  KernelCheckKfuncsTest() {
    base_.Func("kernels_own", base_.Proto(0));
    split_ = std::make_unique<BtfBuilder>(base_);
    int_ = split_->Int("int", 4);
    proto_ = split_->Proto(0);
  }

  TypeId Func(const char* name) { return split_->Func(name, proto_); }
  TypeId Func(const char* name, TypeId returns,
              const std::vector<TypeId>& takes) {
    std::vector<btf::testing::ParamSpec> params;
    for (TypeId id : takes) params.push_back({"a", id});
    return split_->Func(name, split_->Proto(returns, params));
  }

  // "ok", or why not.
  std::string CheckResult(const IdsSection& section,
                          const KernelRules& rules = {}) {
    const auto base = btf::Base::Build(base_.Build());
    EXPECT_TRUE(base.ok()) << base.status();
    util::Arena arena;
    const auto btf =
        btf::Btf::Parse(split_->Build(), base->get(), ".BTF", &arena);
    EXPECT_TRUE(btf.ok()) << btf.status();
    const auto ids = BtfIds::Parse(section, &arena);
    EXPECT_TRUE(ids.ok()) << ids.status();
    const absl::Status status =
        KernelCheckKfuncs(*ids, *btf, base->get(), rules);
    if (status.ok()) return "ok";
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }
  std::string CheckSet(const std::vector<Entry>& entries) {
    return CheckResult(FinalizedSet(entries));
  }

  BtfBuilder base_;
  std::unique_ptr<BtfBuilder> split_;
  TypeId int_, proto_;
};

constexpr char kSet[] = ".BTF_ids: kfunc set my_set: ";

TEST_F(KernelCheckKfuncsTest, EachEntryIsAFunctionOfTheBtf) {
  const TypeId first = Func("first");
  const TypeId second = Func("second");
  EXPECT_EQ(CheckSet({{first}, {second}}), "ok");
  EXPECT_EQ(CheckSet({{0}, {second}}),
            absl::StrCat(kSet, "entry 0: no id; the BTF had no such function"));
  EXPECT_EQ(CheckSet({{first}, {int_}}),
            absl::StrCat(kSet, "entry 1: type ", int_, " is no FUNC"));
  EXPECT_EQ(CheckSet({{first}, {second + 1}}),
            absl::StrCat(kSet, "entry 1: type ", second + 1, ", but there are ",
                         second + 1, " types"));
}

TEST_F(KernelCheckKfuncsTest, SetsOfOtherThingsAreNotLookedAt) {
  EXPECT_EQ(CheckResult(FinalizedSet({{0}, {int_}}, /*set_flags=*/0)), "ok");
}

TEST_F(KernelCheckKfuncsTest, ASetThatIsNotFinalizedIsRefused) {
  const IdsSection raw = IdsBuilder()
                             .BeginSet8("my_set", 1)
                             .Entry("func", "first")
                             .EndSet()
                             .Build();
  EXPECT_EQ(CheckResult(raw), absl::StrCat(kSet,
                                           "its count is 0, and it has 1 "
                                           "entries: it is not finalized"));
}

TEST_F(KernelCheckKfuncsTest, ASetHasAtMost256Entries) {
  const TypeId func = Func("first");
  // A name has at most 100 places.
  const auto many = [&](int count) {
    IdsBuilder ids;
    ids.BeginSet8("my_set", 1);
    for (int i = 0; i < count; ++i) ids.EntryWithoutSymbol();
    IdsSection section = ids.EndSet().Build();
    for (int i = 0; i <= count; ++i) {
      const uint32_t word = i == 0 ? count : func;
      memcpy(&section.content[8 * i], &word, sizeof(word));
    }
    return section;
  };
  EXPECT_EQ(CheckResult(many(256)), "ok");
  EXPECT_EQ(CheckResult(many(257)),
            absl::StrCat(kSet,
                         "257 kfuncs, and the kernel takes 256 of a "
                         "set"));
}

TEST_F(KernelCheckKfuncsTest, AFunctionOfTheKernelsOwnIsNoKfuncOfAModule) {
  const TypeId func = Func("kernels_own");
  EXPECT_EQ(CheckSet({{func}}),
            absl::StrCat(kSet, "entry 0: type ", func,
                         " (FUNC kernels_own) has the name of a function of "
                         "the kernel's own"));
  KernelRules older;
  older.own_kfunc_names = false;
  EXPECT_EQ(CheckResult(FinalizedSet({{func}}), older), "ok");
}

TEST_F(KernelCheckKfuncsTest, AnIteratorHasThreeFunctionsOfItsName) {
  const TypeId it = split_->Ptr(split_->Struct("bpf_iter_my", 16));
  const TypeId value = split_->Ptr(int_);
  const TypeId made = Func("bpf_iter_my_new", int_, {it, int_});
  // Modifiers are looked through.
  const TypeId next =
      Func("bpf_iter_my_next", split_->Const(value), {split_->Const(it)});
  const TypeId destroy = Func("bpf_iter_my_destroy", 0, {it});
  EXPECT_EQ(CheckSet({{made, kNew}, {next, kNext}, {destroy, kDestroy}}), "ok");

  const TypeId odd = split_->Ptr(split_->Struct("bpf_iter_odd", 12));
  const TypeId other = split_->Ptr(split_->Struct("my_iter", 16));
  struct Case {
    TypeId func;
    uint32_t flags;
    const char* words;
  };
  const Case cases[] = {
      {made, kNew | kNext,
       "bpf_iter_my_new) is flagged as more than one of an iterator's "
       "functions"},
      {Func("none", int_, {}), kNew,
       "none) works on an iterator, but takes none"},
      {Func("number", int_, {int_}), kNew,
       "number) works on an iterator, but its first argument is no pointer"},
      {Func("other", int_, {other}), kNew,
       "other) works on an iterator, but its first argument is no struct "
       "bpf_iter_..."},
      {Func("bpf_iter_odd_new", int_, {odd}), kNew,
       "bpf_iter_odd_new) works on a struct bpf_iter_odd of 12 bytes, which is "
       "no multiple of 8"},
      {made, kNext, "bpf_iter_my_new) must be called bpf_iter_my_next"},
      {Func("bpf_iter_my_next", value, {it, int_}), kNext,
       "bpf_iter_my_next) has more arguments than its iterator"},
      {Func("bpf_iter_my_next", int_, {it}), kNext,
       "bpf_iter_my_next) gives an iterator's next value, but returns no "
       "pointer"},
      {Func("bpf_iter_my_destroy", int_, {it}), kDestroy,
       "bpf_iter_my_destroy) ends an iterator, but does not return void"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(CheckSet({{c.func, c.flags}}),
              absl::StrCat(kSet, "entry 0: type ", c.func, " (FUNC ", c.words));
  }
}

}  // namespace
}  // namespace btfd::engine
