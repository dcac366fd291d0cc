// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/dedup_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/btf/testing/builder.h"

namespace btfd::btf {
namespace {

using testing::BtfBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Indexed {
  explicit Indexed(const BtfBuilder& builder)
      : base(Base::Build(builder.Build()).value()),
        index(DedupIndex::Build(*base).value()) {}
  std::shared_ptr<const Base> base;
  std::shared_ptr<const DedupIndex> index;
};

util::Blob CopyOf(absl::string_view bytes) {
  util::Blob blob(bytes.size());
  std::memcpy(blob.data(), bytes.data(), bytes.size());
  return blob;
}

// One chain, as in libbpf's map: each entry is put in front, and the chain is
// reversed whenever the map grows.
TEST(CandidateOrder, PositionsGiveTheOrderOfLibbpfsChains) {
  std::deque<int32_t> chain;
  CandidateOrder order;
  uint32_t capacity = 0;
  for (uint32_t n = 0; n < 200; ++n) {
    if (capacity == 0 || (n + 1) * 4 / 3 > capacity) {
      capacity = capacity == 0 ? 4 : capacity * 2;
      chain = std::deque<int32_t>(chain.rbegin(), chain.rend());
    }
    bool turned;
    const int32_t position = order.Insert(&turned);
    EXPECT_EQ(position, CandidateOrder::PositionOf(n));
    chain.push_front(position);
    EXPECT_EQ(order.capacity, capacity);
    EXPECT_EQ(CandidateOrder::After(n + 1).capacity, capacity);
    EXPECT_EQ(CandidateOrder::After(n + 1).descending, order.descending);
    EXPECT_TRUE(order.descending ? std::is_sorted(chain.rbegin(), chain.rend())
                                 : std::is_sorted(chain.begin(), chain.end()))
        << "after " << n + 1;
  }
}

TEST(DedupIndex, FirstOfEqualRecordsDependsOnTheDirection) {
  BtfBuilder builder;
  const TypeId one = builder.Int("int", 4);
  const TypeId two = builder.Int("int", 4);
  const TypeId other = builder.Int("char", 1);
  const Indexed base(builder);
  const TypeRecord& type = base.base->type(one);
  const bool two_is_higher =
      base.index->PositionOf(two) > base.index->PositionOf(one);
  EXPECT_EQ(base.index->FindRecord(RecordKey(type), type, true),
            two_is_higher ? two : one);
  EXPECT_EQ(base.index->FindRecord(RecordKey(type), type, false),
            two_is_higher ? one : two);
  EXPECT_FALSE(base.index->IsOnlyCopy(one));
  EXPECT_TRUE(base.index->IsOnlyCopy(other));
}

TEST(DedupIndex, CompositeNamesAreUniqueOrAmbiguous) {
  BtfBuilder builder;
  const TypeId foo = builder.Struct("foo", 4);
  builder.Struct("twice", 4);
  builder.Union("twice", 4);
  const uint32_t foo_name = builder.String("foo");
  const uint32_t twice_name = builder.String("twice");
  const Indexed base(builder);
  EXPECT_EQ(base.index->FindComposite(foo_name)->id, foo);
  EXPECT_EQ(base.index->FindComposite(twice_name)->id, 0u);
  EXPECT_EQ(base.index->FindComposite(0), nullptr);
}

TEST(DedupIndex, KeepsEmptyEnumsByName) {
  BtfBuilder builder;
  const TypeId empty = builder.Enum("e", 4);
  builder.Enum("full", 4, {{"one", 1}});
  const uint32_t name = builder.String("e");
  const uint32_t full_name = builder.String("full");
  const Indexed base(builder);
  ASSERT_EQ(base.index->EmptyEnums(name).size(), 1u);
  EXPECT_EQ(base.index->EmptyEnums(name)[0].id, empty);
  EXPECT_THAT(base.index->EmptyEnums(full_name), IsEmpty());
  EXPECT_NE(base.index->FindEnumName(full_name), nullptr);
}

TEST(DedupIndex, FindsReferencesThatNoTypeMayHave) {
  BtfBuilder plain;
  plain.Var("v", plain.Int("int", 4));
  EXPECT_FALSE(Indexed(plain).index->has_odd_references());
  BtfBuilder odd;
  odd.Ptr(odd.Var("v", odd.Int("int", 4)));
  EXPECT_TRUE(Indexed(odd).index->has_odd_references());
}

TEST(DedupIndex, FingerprintsStopWhereComparisonIsLenient) {
  BtfBuilder builder;
  const TypeId i = builder.Int("int", 4);
  const TypeId u = builder.Int("unsigned", 4, 0);
  const TypeId ints = builder.Array(i, i, 3);
  const TypeId unsigneds = builder.Array(u, i, 3);
  const TypeId forward = builder.Ptr(builder.Fwd("foo"));
  const TypeId real = builder.Ptr(builder.Struct("foo", 4, {{"m", i, 0}}));
  const TypeId other = builder.Ptr(builder.Struct("bar", 4, {{"m", i, 0}}));
  const TypeId loop = builder.Typedef("t", builder.next_id());
  const TypeId to_loop = builder.Ptr(loop);
  const Indexed base(builder);
  auto of = [&](TypeId id) { return base.index->fingerprint(id); };
  EXPECT_NE(of(i), of(u));
  EXPECT_EQ(of(ints), of(unsigneds));
  EXPECT_EQ(of(forward), of(real));
  EXPECT_NE(of(real), of(other));
  EXPECT_EQ(of(loop), of(to_loop));
}

TEST(DedupIndex, StoredBlobServesAsTheBuiltOneDid) {
  BtfBuilder builder;
  const TypeId i = builder.Int("int", 4);
  builder.Struct("s", 4, {{"m", i, 0}});
  const Indexed base(builder);
  const auto loaded = DedupIndex::Load(CopyOf(base.index->blob()), *base.base);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->blob(), base.index->blob());
  const TypeRecord& type = base.base->type(i);
  EXPECT_EQ((*loaded)->FindRecord(RecordKey(type), type, true), i);
}

TEST(DedupIndex, EveryDamagedByteIsNoticed) {
  BtfBuilder builder;
  builder.Struct("s", 4, {{"m", builder.Int("int", 4), 0}});
  const Indexed base(builder);
  const std::string good(base.index->blob());
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    const auto loaded = DedupIndex::Load(CopyOf(bad), *base.base);
    ASSERT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss)
        << "at byte " << at;
    ASSERT_THAT(std::string(loaded.status().message()),
                HasSubstr("dedup index: "));
  }
  for (size_t size = 0; size < good.size(); size += 7) {
    const auto loaded =
        DedupIndex::Load(CopyOf(good.substr(0, size)), *base.base);
    ASSERT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(DedupIndex, IsBoundToItsBase) {
  BtfBuilder builder;
  builder.Int("int", 4);
  const Indexed base(builder);
  BtfBuilder another;
  another.Int("int", 8);
  const auto other = Base::Build(another.Build()).value();
  const auto loaded = DedupIndex::Load(CopyOf(base.index->blob()), *other);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(loaded.status().message()),
              HasSubstr("made for another base"));
}

}  // namespace
}  // namespace btfd::btf
