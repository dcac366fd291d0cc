// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/base.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory_resource>
#include <optional>
#include <random>
#include <string>

#include "lib/btf/base_blob.h"
#include "lib/btf/string_hash.h"
#include "lib/btf/testing/builder.h"

namespace btfd::btf {
namespace {

using testing::BtfBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Name;

util::Blob Copy(absl::string_view bytes) {
  util::Blob blob(bytes.size());
  memcpy(blob.data(), bytes.data(), bytes.size());
  return blob;
}

std::shared_ptr<const Base> BuildOrDie(const BtfBuilder& b) {
  auto base = Base::Build(b.Build());
  EXPECT_TRUE(base.ok()) << base.status();
  return *base;
}

// Looks like a small vmlinux: names that several kinds share, duplicates, tags.
struct Kernel : BtfBuilder {
  TypeId i32 = Int("int", 4);
  TypeId task = Struct("task", 4, {{"pid", i32, 0}});
  TypeId task_typedef = Typedef("task", task);
  TypeId task_again = Struct("task", 4);
  TypeId proto = Proto(i32);
  TypeId func = Func("task", proto);
  TypeId tag = DeclTag("bpf_kfunc", func);
  TypeId fwd = Fwd("later");
  TypeId data = Union("data", 4);
  TypeId enumeration = Enum("data", 4);
  TypeId enumeration64 = Enum64("wide", 8);
  TypeId real = Float("double", 8);
  TypeId anonymous = Struct("", 4);
  TypeId tag_again = DeclTag("bpf_fastcall", func);
};

TEST(Base, FindsIdsByKindAndNameInAscendingOrder) {
  const Kernel k;
  const auto base = BuildOrDie(k);
  EXPECT_THAT(base->FindByName(Kind::kStruct, "task"),
              ElementsAre(k.task, k.task_again));
  EXPECT_THAT(base->FindByName(Kind::kTypedef, "task"),
              ElementsAre(k.task_typedef));
  EXPECT_THAT(base->FindByName(Kind::kFunc, "task", HashString("task")),
              ElementsAre(k.func));
  EXPECT_THAT(base->FindByName(Kind::kUnion, "task"), IsEmpty());
  EXPECT_THAT(base->FindByName(Kind::kStruct, ""), IsEmpty());
  EXPECT_THAT(base->FindByName(Kind::kStruct, "tas"), IsEmpty());
}

TEST(Base, FindsTheCandidatesOfRelocation) {
  const Kernel k;
  const auto base = BuildOrDie(k);
  EXPECT_THAT(base->FindRelocatable("task"), ElementsAre(k.task, k.task_again));
  EXPECT_THAT(base->FindRelocatable("data"),
              ElementsAre(k.data, k.enumeration));
  EXPECT_THAT(base->FindRelocatable("int"), ElementsAre(k.i32));
  EXPECT_THAT(base->FindRelocatable("later"), ElementsAre(k.fwd));
  EXPECT_THAT(base->FindRelocatable("wide"), ElementsAre(k.enumeration64));
  EXPECT_THAT(base->FindRelocatable("double"), ElementsAre(k.real));
  EXPECT_THAT(base->FindRelocatable("bpf_kfunc"), IsEmpty());
}

TEST(Base, EmptyTextWithAnOffsetIsAName) {
  BtfBuilder b;
  b.AppendString("x");
  const TypeId odd = b.Struct(Name::At(2), 4);
  b.Struct("", 4);
  const auto base = BuildOrDie(b);
  EXPECT_THAT(base->FindByName(Kind::kStruct, ""), ElementsAre(odd));
  EXPECT_THAT(base->FindRelocatable(""), ElementsAre(odd));
}

TEST(Base, NamesAreTextsWhereverTheyStand) {
  BtfBuilder b;
  b.ShareStrings(false);
  const TypeId one = b.Struct("foo", 4);
  const TypeId two = b.Struct("foo", 4);
  const TypeId part = b.Struct(Name::At(b.AppendString("a_foo") + 2), 4);
  const auto base = BuildOrDie(b);
  EXPECT_THAT(base->FindByName(Kind::kStruct, "foo"),
              ElementsAre(one, two, part));
  EXPECT_FALSE(base->SharesCompositeName(one));
  EXPECT_FALSE(base->SharesCompositeName(two));
}

TEST(Base, CompositesOfOneNameOffsetShareTheirName) {
  BtfBuilder b;
  const TypeId structure = b.Struct("foo", 4);
  b.Enum("foo", 4);
  const TypeId alone = b.Struct("bar", 4);
  const TypeId other = b.Union("foo", 8);
  b.Typedef("bar", alone);
  b.Fwd("bar");
  const auto base = BuildOrDie(b);
  EXPECT_TRUE(base->SharesCompositeName(structure));
  EXPECT_TRUE(base->SharesCompositeName(other));
  EXPECT_FALSE(base->SharesCompositeName(alone));
}

TEST(Base, FindsWholeStringsOnlyAndTheFirstOfEqualOnes) {
  BtfBuilder b;
  const uint32_t first = b.AppendString("twice");
  b.AppendString("");
  const uint32_t other = b.AppendString("other");
  b.AppendString("twice");
  const auto base = BuildOrDie(b);
  EXPECT_EQ(base->FindString("twice"), first);
  EXPECT_EQ(base->FindString("other", HashString("other")), other);
  EXPECT_EQ(base->FindString(""), 0u);
  EXPECT_EQ(base->FindString("wice"), std::nullopt);
  EXPECT_EQ(base->FindString("twic"), std::nullopt);
  EXPECT_EQ(base->FindString(absl::string_view("twice\0", 6)), std::nullopt);
}

TEST(Base, ListsDeclTags) {
  const Kernel k;
  EXPECT_THAT(BuildOrDie(k)->decl_tags(), ElementsAre(k.tag, k.tag_again));
}

TEST(Base, KnowsItsForm) {
  Kernel k;
  k.form().hdr_len = 36;
  k.form().layout = testing::StandardLayout();
  auto base = BuildOrDie(k);
  EXPECT_EQ(base->layout(), testing::StandardLayout());
  EXPECT_TRUE(base->modifiable());
  EXPECT_FALSE(base->foreign_endian());
  EXPECT_FALSE(base->has_unknown_kinds());
  EXPECT_FALSE(base->has_dangling_ids());
  const std::string types(reinterpret_cast<const char*>(base->table().words),
                          base->table().offsets[base->end_id()] * 4);

  k.form().header_extra = "\1";
  k.form().big_endian = true;
  base = BuildOrDie(k);
  EXPECT_FALSE(base->modifiable());
  EXPECT_TRUE(base->foreign_endian());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(base->table().words),
                        base->table().offsets[base->end_id()] * 4),
            types);

  k.form().big_endian = false;
  k.Raw("", 0, 0);
  k.Proto(1000);
  base = BuildOrDie(k);
  EXPECT_TRUE(base->has_unknown_kinds());
  EXPECT_TRUE(base->has_dangling_ids());
}

TEST(Base, BuildRejectsWhatParseRejects) {
  Kernel k;
  k.Ptr(1000);
  const auto base = Base::Build(k.Build(), "vmlinux");
  ASSERT_FALSE(base.ok());
  EXPECT_EQ(base.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(base.status().message()),
              HasSubstr("vmlinux: offset "));
  EXPECT_THAT(std::string(base.status().message()),
              HasSubstr("(PTR): refers to type 1000"));
}

TEST(Base, OfAnEditedBtfIsThatOfItsBytes) {
  Kernel k;
  k.form().string_gap = 4;
  auto btf =
      Btf::Parse(k.Build(), nullptr, ".BTF", std::pmr::new_delete_resource());
  ASSERT_TRUE(btf.ok());
  const uint32_t name = btf->AddString("added");
  btf->AddType(name, MakeInfo(Kind::kStruct, 0, false), 8, 0);
  std::string raw;
  btf->Serialize(&raw);
  const auto from_btf = Base::FromBtf(*btf);
  const auto from_raw = Base::Build(raw);
  ASSERT_TRUE(from_btf.ok()) << from_btf.status();
  ASSERT_TRUE(from_raw.ok()) << from_raw.status();
  EXPECT_EQ((*from_btf)->blob(), (*from_raw)->blob());
}

TEST(Base, CannotBeMadeOfASplit) {
  const auto base = BuildOrDie(Kernel());
  const Btf split(base->table(), base.get(), kExtendedHeaderSize, false,
                  std::pmr::new_delete_resource());
  const auto result = Base::FromBtf(split);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BaseBlob, LoadsIntoTheSameBaseWhereverItLies) {
  const Kernel k;
  const auto built = BuildOrDie(k);
  const auto loaded = Base::Load(Copy(built->blob()));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->blob(), built->blob());
  EXPECT_EQ((*loaded)->fingerprint(), built->fingerprint());
  EXPECT_EQ((*loaded)->end_id(), built->end_id());
  EXPECT_THAT((*loaded)->FindByName(Kind::kStruct, "task"),
              ElementsAre(k.task, k.task_again));
  EXPECT_EQ((*loaded)->FindString("task"), built->FindString("task"));
}

TEST(BaseBlob, EqualBasesGiveEqualBlobs) {
  EXPECT_EQ(BuildOrDie(Kernel())->blob(), BuildOrDie(Kernel())->blob());
}

// An edited blob with a right checksum, which gets past the first check.
util::Blob Edited(absl::string_view blob,
                  const std::function<void(BaseBlobHeader*, char*)>& edit) {
  util::Blob copy = Copy(blob);
  auto* header = reinterpret_cast<BaseBlobHeader*>(copy.data());
  edit(header, copy.data());
  header->checksum = BaseBlobChecksum(copy.view());
  return copy;
}

void ExpectLoss(util::Blob blob, absl::string_view words) {
  const auto base = Base::Load(std::move(blob));
  ASSERT_FALSE(base.ok());
  EXPECT_EQ(base.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(base.status().message()),
              HasSubstr("base index: " + std::string(words)));
}

TEST(BaseBlob, DamageIsNoticed) {
  const auto base = BuildOrDie(Kernel());
  const absl::string_view blob = base->blob();
  ExpectLoss(Copy(""), "only 0 bytes");
  ExpectLoss(Copy(blob.substr(0, 40)), "only 40 bytes");
  ExpectLoss(Copy(blob.substr(0, blob.size() - 8)), "has ");
  util::Blob flipped = Copy(blob);
  flipped.data()[blob.size() / 2] ^= 1;
  ExpectLoss(std::move(flipped), "wrong checksum");
  ExpectLoss(Edited(blob, [](BaseBlobHeader* h, char*) { ++h->version; }),
             "version 2, not 1");
  ExpectLoss(Edited(blob, [](BaseBlobHeader* h, char*) { ++h->magic; }),
             "wrong magic");
}

TEST(BaseBlob, WhatIsNotConsistentInItselfIsRefused) {
  const auto base = BuildOrDie(Kernel());
  const absl::string_view blob = base->blob();
  auto word = [](BaseBlobHeader* h, char* data,
                 BaseSection section) -> uint32_t* {
    return reinterpret_cast<uint32_t*>(data + h->sections[section].offset);
  };
  auto refused = [&](absl::string_view words, auto&& edit) {
    ExpectLoss(Edited(blob, edit), words);
  };
  refused("section 2 is outside the blob", [](BaseBlobHeader* h, char*) {
    h->sections[kStrings].offset = ~uint64_t{7};
  });
  refused("section 3 is outside the blob", [](BaseBlobHeader* h, char*) {
    h->sections[kLayout].size = ~uint64_t{0};
  });
  refused("malformed strings", [&](BaseBlobHeader* h, char* data) {
    *word(h, data, kStrings) = ~0u;
  });
  refused("malformed strings",
          [](BaseBlobHeader* h, char*) { h->strings_size = 0; });
  refused("malformed layout",
          [](BaseBlobHeader* h, char*) { h->layout_size = 4; });
  refused("malformed types",
          [](BaseBlobHeader* h, char*) { h->end = 0xffffffff; });
  refused("malformed types",
          [&](BaseBlobHeader* h, char* data) { *word(h, data, kWords) = 1; });
  refused("types: offset 0: type 1 (INT): name at string offset",
          [&](BaseBlobHeader* h, char* data) {
            word(h, data, kWords)[3] = 0xffff;
          });
  refused("offsets do not fit the types", [&](BaseBlobHeader* h, char* data) {
    word(h, data, kOffsets)[2] += 1;
  });
  refused("malformed string table",
          [](BaseBlobHeader* h, char*) { h->string_shape.mask = 0xffffffff; });
  refused("malformed string table",
          [](BaseBlobHeader* h, char*) { h->string_shape.value_bits = 0; });
  refused("malformed string table", [&](BaseBlobHeader* h, char* data) {
    uint32_t* slots = word(h, data, kStringSlots);
    std::fill(slots, slots + h->string_shape.mask + 1, 1);
  });
  refused("malformed string table", [&](BaseBlobHeader* h, char* data) {
    *word(h, data, kStringSlots) = (1u << h->string_shape.value_bits) - 1;
  });
  refused("malformed name table", [&](BaseBlobHeader* h, char* data) {
    *word(h, data, kNameSlots) = (1u << h->name_shape.value_bits) - 1;
  });
  refused("malformed name table", [&](BaseBlobHeader* h, char* data) {
    word(h, data, kGroupStarts)[1] = 0;
  });
  refused("malformed name table",
          [](BaseBlobHeader* h, char*) { h->class_ends[1] = 1000; });
  refused("malformed ids by name", [&](BaseBlobHeader* h, char* data) {
    *word(h, data, kNamedIds) = 1000;
  });
  refused("wrong kind of type by name", [&](BaseBlobHeader* h, char* data) {
    *word(h, data, kNamedIds) = 1;
  });
  refused("malformed decl tags", [&](BaseBlobHeader* h, char* data) {
    word(h, data, kDeclTags)[1] = 1000;
  });
  refused("ids out of order", [&](BaseBlobHeader* h, char* data) {
    word(h, data, kDeclTags)[1] = 1;
  });
}

// A blob with a right checksum and any other content is refused, or it can be
// asked safely.
TEST(BaseBlob, RandomDamageWithASoundChecksumIsRefusedOrHarmless) {
  const Kernel k;
  const auto base = BuildOrDie(k);
  std::mt19937 random(1);
  int loaded = 0;
  for (int i = 0; i < 20000; ++i) {
    auto result = Base::Load(
        Edited(base->blob(), [&](BaseBlobHeader* header, char* data) {
          for (int n = 0; n < 2; ++n) {
            const size_t at = 24 + random() % (header->size - 24);
            data[at] = random() % 4 == 0 ? 0 : static_cast<char>(random());
          }
        }));
    if (!result.ok()) {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss);
      continue;
    }
    ++loaded;
    const Base& b = **result;
    for (TypeId id = 1; id < b.end_id(); ++id) {
      const std::string name = b.string(b.type(id).name_off);
      b.FindString(name);
      for (const Kind kind :
           {Kind::kFunc, Kind::kStruct, Kind::kUnion, Kind::kTypedef}) {
        for (const TypeId found : b.FindByName(kind, name)) {
          EXPECT_EQ(b.type(found).kind(), kind);
        }
      }
      b.FindRelocatable(name);
      b.SharesCompositeName(id);
    }
  }
  EXPECT_GT(loaded, 100);
}

}  // namespace
}  // namespace btfd::btf
