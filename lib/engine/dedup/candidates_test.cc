// SPDX-License-Identifier: Apache-2.0
//
// The order of candidates against a plain model of libbpf's hash map: chains
// that grow at the front and are turned around whenever the map grows.
#include "lib/engine/dedup/candidates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/dedup_key.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/dedup/state.h"
#include "lib/util/arena.h"

namespace btfd::engine::dedup {
namespace {

using btf::testing::BtfBuilder;

class Model {
 public:
  void Insert(uint64_t key, TypeId id) {
    if (capacity_ == 0 || (count_ + 1) * 4 / 3 > capacity_) {
      capacity_ = capacity_ == 0 ? 4 : 2 * capacity_;
      for (auto& [other, chain] : chains_) {
        std::reverse(chain.begin(), chain.end());
      }
    }
    ++count_;
    std::vector<TypeId>& chain = chains_[key];
    chain.insert(chain.begin(), id);
  }
  const std::vector<TypeId>& Chain(uint64_t key) { return chains_[key]; }

 private:
  uint64_t capacity_ = 0;
  uint64_t count_ = 0;
  std::map<uint64_t, std::vector<TypeId>> chains_;
};

// `shapes` kinds of structs; those of one shape lead to different types, so all
// of one shape have one key and none equals another.
void AddStructs(BtfBuilder* builder, uint32_t count, uint32_t shapes,
                std::mt19937* random) {
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t bytes = 8 * (1 + (*random)() % shapes);
    builder->Struct("", bytes, {{"m", 1, 0}});
  }
}

class CandidatesTest : public ::testing::TestWithParam<uint32_t> {};

TEST_P(CandidatesTest, AreListedAsLibbpfWouldVisitThem) {
  const uint32_t base_count = GetParam();
  std::mt19937 random(base_count);
  util::Arena arena;
  Model model;
  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> index;
  BtfBuilder base_builder;
  if (base_count != 0) {
    base_builder.Int("int", 4);
    AddStructs(&base_builder, base_count - 1, 3, &random);
    base = btf::Base::Build(base_builder.Build()).value();
    index = btf::DedupIndex::Build(*base).value();
    for (TypeId id = 1; id < base->end_id(); ++id) {
      const btf::TypeRecord& type = base->type(id);
      model.Insert(type.kind() == Kind::kInt ? btf::RecordKey(type)
                                             : btf::PartsKey(type),
                   id);
    }
  }
  BtfBuilder own = base_count != 0 ? BtfBuilder(base_builder) : BtfBuilder();
  if (base_count == 0) own.Int("int", 4);
  AddStructs(&own, 400, 3, &random);
  btf::Btf split =
      btf::Btf::Parse(own.Build(), base.get(), ".BTF", &arena).value();
  util::WorkBudget work = util::WorkBudget::ForInput(1 << 20);
  State state(&split, index.get(), RulesOf(LibbpfRules::k1_8), &work);
  Candidates candidates(index.get(), &state.types, &work, &arena);

  std::pmr::vector<TypeId> listed(&arena);
  uint64_t compared = 0;
  for (TypeId id = split.first_id(); id < split.end_id(); ++id) {
    const btf::TypeRecord& type = split.type(id);
    if (type.kind() != Kind::kStruct) continue;
    const uint64_t key = btf::PartsKey(type);
    listed.clear();
    candidates.ListGraphs(key, /*with_fingerprints=*/false,
                          /*with_base=*/true, &listed);
    const std::vector<TypeId>& expected = model.Chain(key);
    ASSERT_EQ(std::vector<TypeId>(listed.begin(), listed.end()), expected)
        << "before type " << id;
    compared += expected.size();
    candidates.Insert(key, id);
    model.Insert(key, id);
  }
  EXPECT_GT(compared, 10'000u);
}

// Around the sizes at which the map grows.
INSTANTIATE_TEST_SUITE_P(BaseSizes, CandidatesTest,
                         ::testing::Values(0, 1, 2, 3, 5, 6, 7, 47, 48, 49, 95,
                                           96, 97, 383, 384, 385, 500));

}  // namespace
}  // namespace btfd::engine::dedup
