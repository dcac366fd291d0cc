// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/dedup/compare/pair_graph.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <utility>

#include "lib/btf/base.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/dedup/state.h"
#include "lib/util/arena.h"

namespace btfd::engine::dedup {
namespace {

using btf::testing::BtfBuilder;

// Two copies of struct node { struct node *next; int *value; }, of which the
// first has a forward where the second has the struct.
class PairGraphTest : public ::testing::Test {
 protected:
  PairGraphTest() {
    BtfBuilder own;
    int_ = own.Int("int", 4);
    forward_ = own.Fwd("node");
    to_forward_ = own.Ptr(forward_);
    to_int1_ = own.Ptr(int_);
    to_int2_ = own.Ptr(int_);
    to_node_ = own.next_id();
    own.Ptr(to_node_ + 1);
    node_ = own.Struct("node", 16,
                       {{"next", to_node_, 0}, {"value", to_int1_, 64}});
    other_ = own.Struct("node", 16,
                        {{"next", to_forward_, 0}, {"value", to_int2_, 64}});
    btf_ = std::make_unique<btf::Btf>(
        btf::Btf::Parse(own.Build(), nullptr, ".BTF", &arena_).value());
    state_ = std::make_unique<State>(btf_.get(), nullptr,
                                     RulesOf(LibbpfRules::k1_8), &work_);
    graph_ = std::make_unique<PairGraph>(state_.get());
    graph_->Clear();
  }
  // The pairs that `pair` leads to.
  std::set<std::pair<TypeId, TypeId>> PartsOf(PairId pair) {
    graph_->Open(pair);
    std::set<std::pair<TypeId, TypeId>> parts;
    for (uint32_t i = (*graph_)[pair].parts; i < (*graph_)[pair].end; ++i) {
      const PairId part = graph_->part(i).pair;
      parts.emplace((*graph_)[part].candidate, graph_->canonical(part));
    }
    return parts;
  }

  util::Arena arena_;
  util::WorkBudget work_ = util::WorkBudget::ForInput(1000);
  std::unique_ptr<btf::Btf> btf_;
  std::unique_ptr<State> state_;
  std::unique_ptr<PairGraph> graph_;
  TypeId int_, forward_, to_forward_, to_int1_, to_int2_, to_node_, node_,
      other_;
};

TEST_F(PairGraphTest, APairIsMadeOnce) {
  EXPECT_EQ(graph_->Find(other_, node_), kNoPair);
  const PairId pair = graph_->Get(other_, node_);
  EXPECT_EQ(graph_->Get(other_, node_), pair);
  EXPECT_EQ(graph_->Find(other_, node_), pair);
  EXPECT_NE(graph_->Get(node_, other_), pair) << "the sides are not alike";
  EXPECT_EQ(graph_->Find(node_, int_), kNoPair);
}

TEST_F(PairGraphTest, OpeningListsThePartsThatAreNotSettled) {
  EXPECT_EQ(PartsOf(graph_->Get(other_, node_)),
            (std::set<std::pair<TypeId, TypeId>>{{to_forward_, to_node_},
                                                 {to_int2_, to_int1_}}));
  // Both lead to the same INT: nothing is left to compare.
  EXPECT_TRUE(PartsOf(graph_->Get(to_int2_, to_int1_)).empty());
}

TEST_F(PairGraphTest, APairIsSettledOnceItsRootsAreTheSame) {
  const PairId pair = graph_->Get(other_, node_);
  EXPECT_FALSE(graph_->IsSettled(pair));
  state_->Map(node_, node_);
  state_->Map(other_, node_);
  EXPECT_EQ(graph_->TypesWereMapped(), Upkeep::kAll);
  EXPECT_TRUE(graph_->IsSettled(pair));
}

TEST_F(PairGraphTest, PairsOfAForwardMoveToWhatItStandsFor) {
  const PairId pair = graph_->Get(to_node_, to_forward_);
  EXPECT_EQ(PartsOf(pair),
            (std::set<std::pair<TypeId, TypeId>>{{node_, forward_}}));
  state_->Map(other_, other_);
  state_->Map(forward_, other_);
  EXPECT_EQ(graph_->TypesWereMapped(), Upkeep::kNothingLearned);
  EXPECT_EQ(PartsOf(pair),
            (std::set<std::pair<TypeId, TypeId>>{{node_, other_}}));
}

TEST_F(PairGraphTest, ClearForgetsEveryPair) {
  graph_->Get(other_, node_);
  graph_->Clear();
  EXPECT_EQ(graph_->Find(other_, node_), kNoPair);
  EXPECT_EQ(graph_->size(), 1u) << "number 0 is no pair";
}

}  // namespace
}  // namespace btfd::engine::dedup
