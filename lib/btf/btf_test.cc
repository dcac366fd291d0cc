// SPDX-License-Identifier: Apache-2.0
#include "lib/btf/btf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory_resource>
#include <string>
#include <vector>

#include "lib/btf/base.h"
#include "lib/btf/string_hash.h"
#include "lib/btf/testing/builder.h"
#include "lib/btf/testing/dump.h"
#include "lib/util/endian.h"

namespace btfd::btf {
namespace {

using testing::BtfBuilder;
using ::testing::HasSubstr;
using testing::LayoutEntry;
using testing::StandardLayout;
using testing::SwapEndian;

absl::StatusOr<Btf> Parse(absl::string_view raw, const Base* base = nullptr) {
  return Btf::Parse(raw, base, ".BTF", std::pmr::new_delete_resource());
}

std::string Bytes(const Btf& btf) {
  std::string out;
  btf.Serialize(&out);
  return out;
}

// The raw BTF with a changed header.
std::string WithHeader(std::string raw,
                       const std::function<void(Header*)>& edit) {
  Header header{};
  memcpy(&header, raw.data(), sizeof(header));
  edit(&header);
  memcpy(&raw[0], &header, sizeof(header));
  return raw;
}

void ExpectRejected(absl::string_view raw, absl::string_view words,
                    const Base* base = nullptr) {
  const auto btf = Parse(raw, base);
  ASSERT_FALSE(btf.ok());
  EXPECT_EQ(btf.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(btf.status().message()),
              HasSubstr(std::string(words)));
}

void ExpectAccepted(absl::string_view raw, const Base* base = nullptr) {
  const auto btf = Parse(raw, base);
  EXPECT_TRUE(btf.ok()) << btf.status();
}

// A builder with an INT of id 1 and a header of 32 bytes.
struct SmallBtf : BtfBuilder {
  SmallBtf() {
    form().hdr_len = kExtendedHeaderSize;
    Int("int", 4);
  }
};
constexpr TypeId kInt = 1;

std::shared_ptr<const Base> SmallBase() {
  return *Base::Build(SmallBtf().Build());
}

TEST(ParseHeader, LessThanTheClassicHeaderIsTooShort) {
  const std::string raw = SmallBtf().Build();
  ExpectRejected("", ".BTF: offset 0: too short for a BTF header: 0 bytes");
  ExpectRejected(raw.substr(0, 23), "too short for a BTF header: 23 bytes");
}

TEST(ParseHeader, ForeignMagicIsNamed) {
  std::string raw = SmallBtf().Build();
  raw[0] = 'x';
  ExpectRejected(raw, ".BTF: offset 0: not a BTF: magic 0xeb78");
}

TEST(ParseHeader, HeaderLongerThanTheInputIsRejected) {
  ExpectRejected(
      WithHeader(SmallBtf().Build(), [](Header* h) { h->hdr_len = 1000; }),
      ".BTF: offset 4: header length 1000 exceeds the ");
}

TEST(ParseHeader, ShortHeaderIsTakenInHostOrderOnly) {
  const auto base = SmallBase();
  std::string raw(24, '\0');
  raw = WithHeader(raw + std::string(8, '\0'), [](Header* h) {
    h->magic = kMagic;
    h->hdr_len = 12;
  });
  ExpectAccepted(raw, base.get());
  EXPECT_EQ(Bytes(*Parse(raw, base.get())), raw);
  ExpectRejected(raw, "no strings; a base BTF needs them");
  ExpectRejected(SwapEndian(raw),
                 ".BTF: offset 4: header length 12 in foreign byte order is "
                 "not supported",
                 base.get());
}

TEST(ParseSections, StringsBeyondTheInputAreRejected) {
  const std::string raw = SmallBtf().Build();
  ExpectRejected(WithHeader(raw, [](Header* h) { ++h->str_len; }),
                 ".BTF: offset 16: strings at 16 + 6 exceed the 21 bytes");
  ExpectRejected(WithHeader(raw, [](Header* h) { h->str_off = 0xffffffff; }),
                 ".BTF: offset 16: strings at 4294967295 + 5 exceed");
}

TEST(ParseSections, TypesMustComeBeforeTheStringsAndBeAligned) {
  const std::string raw = SmallBtf().Build();
  ExpectRejected(WithHeader(raw, [](Header* h) { h->type_len += 4; }),
                 ".BTF: offset 8: types at 0 + 20 run into the strings at 16");
  ExpectRejected(WithHeader(raw,
                            [](Header* h) {
                              h->type_off = 2;
                              h->type_len = 12;
                            }),
                 ".BTF: offset 8: types at 2 are not 4-byte aligned");
}

TEST(ParseSections, LayoutMustLieBetweenTypesAndStrings) {
  SmallBtf b;
  b.form().layout = StandardLayout();
  const std::string raw = b.Build();
  ExpectAccepted(raw);
  ExpectRejected(WithHeader(raw, [](Header* h) { h->layout_off += 1; }),
                 ".BTF: offset 24: layout at 17 is not 4-byte aligned");
  ExpectRejected(WithHeader(raw, [](Header* h) { h->layout_off -= 4; }),
                 "layout at 12 + 80 is not between the types' end 16 and the "
                 "strings at 96");
  ExpectRejected(WithHeader(raw, [](Header* h) { h->layout_len += 4; }),
                 "layout at 16 + 84 is not between");
  ExpectRejected(WithHeader(raw, [](Header* h) { h->layout_len -= 1; }),
                 ".BTF: offset 28: layout length 79 is not a multiple of 4");
}

TEST(ParseStrings, BaseNeedsThemFromAnEmptyOneToANul) {
  SmallBtf b;
  const std::string raw = b.Build();
  ExpectRejected(WithHeader(raw, [](Header* h) { h->str_len = 0; }),
                 ".BTF: offset 48: no strings");
  std::string unterminated = raw;
  unterminated.back() = 'x';
  ExpectRejected(unterminated,
                 ".BTF: offset 52: the last string does not end in NUL");
  b.raw_strings()[0] = 'x';
  ExpectRejected(b.Build(), "the first string is not empty; is this a split");
}

TEST(ParseStrings, SplitMayHaveNoneOrStartWithAnyText) {
  const auto base = SmallBase();
  BtfBuilder split(*base);
  ExpectAccepted(split.Build(), base.get());
  split.Typedef("foo", kInt);
  EXPECT_EQ(split.raw_strings()[0], 'f');
  ExpectAccepted(split.Build(), base.get());
  split.raw_strings().back() = 'x';
  ExpectRejected(split.Build(), "the last string does not end in NUL",
                 base.get());
}

TEST(ParseTypes, RecordBeyondTheSectionIsRejectedWhateverItsLength) {
  SmallBtf b;
  b.Raw("", MakeInfo(Kind::kStruct, kMaxVlen, false), 4);
  ExpectRejected(b.Build(),
                 ".BTF: offset 48: type 2 (STRUCT): the record runs past the "
                 "end of the types, by 201326580 bytes");
}

TEST(ParseTypes, LeftOverBytesAreRejected) {
  const std::string raw = SmallBtf().Build();
  for (const uint32_t type_len : {13u, 14u, 15u}) {
    ExpectRejected(WithHeader(raw, [&](Header* h) { h->type_len = type_len; }),
                   "type 1 (INT): the record runs past the end");
  }
  SmallBtf b;
  b.Raw("", MakeInfo(Kind::kPtr, 0, false), kInt, {0, 0});
  ExpectRejected(b.Build(),
                 ".BTF: offset 60: 8 bytes are left over behind the last type");
}

TEST(ParseTypes, UnknownKindNeedsALayout) {
  SmallBtf b;
  b.Raw("", 20u << 24, 0);
  ExpectRejected(b.Build(),
                 "type 2 (kind 20): kind 20 is not known and no layout "
                 "describes it");
  b.form().layout = StandardLayout();
  ExpectRejected(b.Build(), "no layout describes it");
  b.form().layout += LayoutEntry(0, 4);
  ExpectAccepted(b.Build());
  EXPECT_TRUE(Parse(b.Build())->has_unknown_kinds());
  b.form().big_endian = true;
  ExpectRejected(b.Build(), "its byte order cannot be changed");
}

TEST(ParseTypes, LayoutSizesMustBeWhole) {
  SmallBtf b;
  b.form().layout = StandardLayout() + LayoutEntry(3, 0);
  b.Raw("", 20u << 24, 0);
  ExpectRejected(b.Build(),
                 "the layout of kind 20 has sizes 3 and 0, which are not "
                 "multiples of 4");
}

TEST(ParseTypes, RecordThatWouldOverflowAnIntIsRejected) {
  SmallBtf b;
  b.form().layout = StandardLayout() + LayoutEntry(0, 252);
  b.Raw("", 20u << 24 | kMaxVlen, 0);
  ExpectRejected(b.Build(), "a record of kind 20 has 4227858192 bytes");
}

TEST(ParseTypes, SplitTakesTheLayoutOfItsBaseUnlessItHasItsOwn) {
  SmallBtf b;
  b.form().layout = StandardLayout() + LayoutEntry(4, 0);
  const auto base = *Base::Build(b.Build());
  BtfBuilder split(*base);
  split.form().hdr_len = kExtendedHeaderSize;
  split.Raw("", 20u << 24, 0, {7});
  ExpectAccepted(split.Build(), base.get());
  split.form().layout = StandardLayout();
  ExpectRejected(split.Build(), "no layout describes it", base.get());
}

TEST(ParseTypes, EveryNameMustBeWithinTheStrings) {
  const auto past = testing::Name::At(100);
  auto rejects = [](absl::string_view words,
                    const std::function<void(SmallBtf*)>& add) {
    SmallBtf b;
    add(&b);
    ExpectRejected(b.Build(), words);
  };
  rejects("type 2 (TYPEDEF): name at string offset 100, but there are 5 bytes",
          [&](SmallBtf* b) { b->Typedef(past, kInt); });
  rejects("type 2 (STRUCT): member name at string offset 100",
          [&](SmallBtf* b) {
            b->Struct("", 4, {{past, kInt, 0}});
          });
  rejects("type 2 (UNION): member name at string offset 100", [&](SmallBtf* b) {
    b->Union("", 4, {{past, kInt, 0}});
  });
  rejects("type 2 (ENUM): member name at string offset 100", [&](SmallBtf* b) {
    b->Enum("", 4, {{past, 0}});
  });
  rejects("type 2 (ENUM64): member name at string offset 100",
          [&](SmallBtf* b) {
            b->Enum64("", 8, {{past, 0}});
          });
  rejects("type 2 (FUNC_PROTO): member name at string offset 100",
          [&](SmallBtf* b) {
            b->Proto(0, {{past, kInt}});
          });
}

TEST(ParseTypes, NameMayPointAtAnyByteOfTheStrings) {
  SmallBtf b;
  const uint32_t end = b.string_end();
  b.Typedef(testing::Name::At(end - 1), kInt);  // the last NUL
  b.Typedef(testing::Name::At(2), kInt);        // "nt"
  ExpectAccepted(b.Build());
  EXPECT_STREQ(Parse(b.Build())->name(3), "nt");
  b.Typedef(testing::Name::At(end), kInt);
  ExpectRejected(b.Build(), "type 4 (TYPEDEF): name at string offset 5");
}

TEST(ParseTypes, EveryIdMustExist) {
  constexpr TypeId kNone = 77;
  auto rejects = [](absl::string_view kind,
                    const std::function<void(SmallBtf*)>& add) {
    SmallBtf b;
    add(&b);
    ExpectRejected(b.Build(),
                   "type 2 (" + std::string(kind) +
                       "): refers to type 77, but there are 3 types");
  };
  rejects("PTR", [](SmallBtf* b) { b->Ptr(kNone); });
  rejects("CONST", [](SmallBtf* b) { b->Const(kNone); });
  rejects("VOLATILE", [](SmallBtf* b) { b->Volatile(kNone); });
  rejects("RESTRICT", [](SmallBtf* b) { b->Restrict(kNone); });
  rejects("TYPEDEF", [](SmallBtf* b) { b->Typedef("int", kNone); });
  rejects("TYPE_TAG", [](SmallBtf* b) { b->TypeTag("int", kNone); });
  rejects("DECL_TAG", [](SmallBtf* b) { b->DeclTag("int", kNone); });
  rejects("VAR", [](SmallBtf* b) { b->Var("int", kNone); });
  rejects("FUNC", [](SmallBtf* b) { b->Func("int", kNone); });
  rejects("ARRAY", [](SmallBtf* b) { b->Array(kNone, kInt, 1); });
  rejects("ARRAY", [](SmallBtf* b) { b->Array(kInt, kNone, 1); });
  rejects("STRUCT", [](SmallBtf* b) { b->Struct("", 4, {{"", kNone, 0}}); });
  rejects("UNION", [](SmallBtf* b) { b->Union("", 4, {{"", kNone, 0}}); });
  rejects("FUNC_PROTO", [](SmallBtf* b) { b->Proto(0, {{"", kNone}}); });
  rejects("DATASEC", [](SmallBtf* b) {
    b->Datasec("int", 4, {{kNone, 0, 4}});
  });
}

TEST(ParseTypes, ReferenceToItselfOrAheadIsFine) {
  SmallBtf b;
  b.Ptr(b.next_id());
  b.Ptr(b.next_id() + 1);
  b.Ptr(kInt);
  ExpectAccepted(b.Build());
  b.Ptr(b.next_id() + 1);
  ExpectRejected(b.Build(), "refers to type 6, but there are 6 types");
}

TEST(ParseTypes, UncheckedIdsBeyondTheTypesAreReported) {
  SmallBtf b;
  EXPECT_FALSE(Parse(b.Build())->has_dangling_ids());
  const TypeId proto = b.Proto(77);
  ExpectAccepted(b.Build());
  EXPECT_TRUE(Parse(b.Build())->has_dangling_ids());
  b.type(proto).size_or_type = 0;
  const TypeId fwd = b.Fwd("foo");
  b.type(fwd).size_or_type = 77;
  ExpectAccepted(b.Build());
  EXPECT_TRUE(Parse(b.Build())->has_dangling_ids());
}

TEST(ParseTypes, FuncMustLeadToAPrototypeBeforeOrBehindIt) {
  for (const TypeId target : {TypeId{0}, kInt, TypeId{2}}) {
    SmallBtf b;
    b.Func("f", target);
    ExpectRejected(b.Build(), "type 2 (FUNC): refers to type " +
                                  std::to_string(target) +
                                  ", which is not a FUNC_PROTO");
  }
  SmallBtf b;
  b.Func("f", 3);
  b.Ptr(kInt);
  ExpectRejected(b.Build(),
                 ".BTF: offset 56: type 2 (FUNC): refers to type 3, which is "
                 "not a FUNC_PROTO");
  SmallBtf good;
  good.Func("f", 3);
  good.Func("g", good.Proto(0));
  ExpectAccepted(good.Build());
}

TEST(ParseTypes, FuncOfASplitMayUseAPrototypeOfTheBase) {
  SmallBtf b;
  const TypeId proto = b.Proto(kInt);
  const auto base = *Base::Build(b.Build());
  BtfBuilder split(*base);
  split.Func("f", proto);
  ExpectAccepted(split.Build(), base.get());
  split.Func("g", kInt);
  ExpectRejected(split.Build(),
                 "type 4 (FUNC): refers to type 1, which is not a FUNC_PROTO "
                 "(3 types of the base: is it another kernel's?)",
                 base.get());
}

TEST(ParseTypes, OverAnotherKernelsBaseThatIsTheGuess) {
  SmallBtf b;
  b.Struct("a_name_that_the_other_base_has_not", 4, {});
  const auto right = *Base::Build(b.Build());
  const auto wrong = *Base::Build(SmallBtf().Build());
  BtfBuilder names(*right);
  names.Typedef("mine", kInt);
  ExpectRejected(names.Build(), "types of the base: is it another kernel's?)",
                 wrong.get());
  BtfBuilder types(*right);
  types.Ptr(types.next_id() + 1);
  types.Ptr(kInt);
  ExpectRejected(types.Build(), "types of the base: is it another kernel's?)",
                 wrong.get());
}

TEST(ParseTypes, WhatLibbpfDoesNotCheckIsAccepted) {
  SmallBtf b;
  b.form().version = 7;
  b.form().flags = 9;
  b.SetKindFlag(kInt);
  b.type(kInt).info |= 5;
  b.Datasec("int", 4, {{kInt, 0, 4}});
  b.Var("int", kInt, 99);
  b.DeclTag("int", kInt, -77);
  b.Int("int", 4, 0xff);
  ExpectAccepted(b.Build());
}

TEST(Parse, IdsAndStringsOfASplitContinueThoseOfItsBase) {
  const auto base = SmallBase();
  BtfBuilder b(*base);
  const TypeId foo = b.Struct("foo", 4, {{"int", kInt, 0}});
  const auto split = Parse(b.Build(), base.get());
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->first_id(), 2u);
  EXPECT_EQ(split->end_id(), 3u);
  EXPECT_STREQ(split->name(foo), "foo");
  EXPECT_STREQ(split->string(split->type(foo).members()[0].name_off), "int");
  EXPECT_LT(split->type(foo).members()[0].name_off, base->str_len());
  EXPECT_EQ(split->type(0).info, 0u);
  EXPECT_STREQ(split->name(kInt), "int");
}

TEST(Parse, ForeignOrderGivesTheSameTypes) {
  SmallBtf b;
  b.form().layout = StandardLayout();
  b.Enum64("e", 8, {{"A", int64_t{1} << 40}});
  b.Datasec("d", 4, {{b.Var("v", kInt), 0, 4}});
  const std::string raw = b.Build();
  const std::string swapped = SwapEndian(raw);
  ASSERT_NE(raw, swapped);
  const auto btf = Parse(swapped);
  ASSERT_TRUE(btf.ok()) << btf.status();
  EXPECT_TRUE(btf->foreign_endian());
  EXPECT_EQ(testing::Dump(*btf), testing::Dump(raw));
  EXPECT_EQ(Bytes(*btf), swapped);
}

TEST(Serialize, UnmodifiedNativeInputComesOutVerbatim) {
  SmallBtf b;
  b.form().hdr_len = 44;
  b.form().header_extra = std::string(11, '\0') + "x";
  b.form().type_gap = 8;
  b.form().string_gap = 5;
  b.form().trailing = "rest";
  EXPECT_EQ(Bytes(*Parse(b.Build())), b.Build());
}

TEST(Serialize, UnmodifiedForeignInputLosesWhatIsBetweenTheSections) {
  SmallBtf b;
  b.form().trailing = "rest";
  b.form().string_gap = 4;
  const std::string raw = b.Build();
  const std::string out = Bytes(*Parse(SwapEndian(raw)));
  EXPECT_EQ(out.size(), raw.size() - 8);
  Header header;
  memcpy(&header, out.data(), sizeof(header));
  EXPECT_EQ(util::ByteSwap(header.str_off), 20u);  // still with the gap
}

TEST(Serialize, AddedTypeHealsTheSectionOffsets) {
  SmallBtf b;
  b.form().string_gap = 5;
  b.form().layout = StandardLayout();
  b.form().layout_gap = 4;
  auto btf = Parse(b.Build());
  ASSERT_TRUE(btf.ok()) << btf.status();
  btf->AddType(0, MakeInfo(Kind::kPtr, 0, false), kInt, 0);
  SmallBtf expected;
  expected.form().layout = StandardLayout();
  expected.Ptr(kInt);
  EXPECT_EQ(Bytes(*btf), expected.Build());
}

TEST(Serialize, AddedStringLeavesTheSectionOffsets) {
  SmallBtf b;
  b.form().string_gap = 5;
  auto btf = Parse(b.Build());
  btf->AddString("new");
  const std::string out = Bytes(*btf);
  Header header;
  memcpy(&header, out.data(), sizeof(header));
  EXPECT_EQ(header.str_off, 21u);
  EXPECT_EQ(header.str_len, 9u);
  EXPECT_EQ(out.size(), kExtendedHeaderSize + 16 + 9);
}

TEST(Serialize, NewBtfHasTheHeaderThatWasAskedFor) {
  for (const uint32_t hdr_len : {kClassicHeaderSize, kExtendedHeaderSize}) {
    Btf btf(TypeTable(), nullptr, hdr_len, false,
            std::pmr::new_delete_resource());
    BtfBuilder expected;
    expected.form().hdr_len = hdr_len;
    EXPECT_EQ(Bytes(btf), expected.Build());
    expected.Int("int", 4);
    const uint32_t name = btf.AddString("int");
    const TypeId id = btf.AddType(name, MakeInfo(Kind::kInt, 0, false), 4, 1);
    btf.mutable_own_type(id).tail()[0] = BtfBuilder::kSigned << 24 | 32;
    EXPECT_EQ(Bytes(btf), expected.Build());
  }
}

TEST(AddString, PrefersTheBaseThenItsOwnThenAppends) {
  const auto base = SmallBase();
  BtfBuilder b(*base);
  b.ShareStrings(false);
  b.Typedef("foo", kInt);
  b.Typedef("foo", kInt);
  auto split = Parse(b.Build(), base.get());
  EXPECT_EQ(split->AddString(""), 0u);
  EXPECT_EQ(split->AddString("int"), *base->FindString("int"));
  EXPECT_EQ(Bytes(*split), b.Build());
  EXPECT_EQ(split->AddString("foo"), base->str_len());
  const uint32_t end = split->str_end();
  EXPECT_EQ(split->AddString("fo"), end);
  EXPECT_EQ(split->AddString("fo", HashString("fo")), end);
}

TEST(AddString, FindsThemAllAgainWhileItGrows) {
  Btf btf(TypeTable(), nullptr, kExtendedHeaderSize, false,
          std::pmr::new_delete_resource());
  std::vector<uint32_t> offsets;
  for (int i = 0; i < 10000; ++i) {
    offsets.push_back(btf.AddString("name_" + std::to_string(i)));
  }
  for (int i = 0; i < 10000; ++i) {
    EXPECT_EQ(btf.AddString("name_" + std::to_string(i)), offsets[i]);
    EXPECT_EQ("name_" + std::to_string(i), btf.string(offsets[i]));
  }
}

TEST(AddString, OverAnotherBtfPrefersItsStrings) {
  Btf parent(TypeTable(), nullptr, kExtendedHeaderSize, false,
             std::pmr::new_delete_resource());
  const uint32_t foo = parent.AddString("foo");
  const TypeId fwd = parent.AddType(foo, MakeInfo(Kind::kFwd, 0, false), 0, 0);
  Btf split(parent.AsParent(), nullptr, kExtendedHeaderSize, false,
            std::pmr::new_delete_resource());
  EXPECT_EQ(split.first_id(), 2u);
  EXPECT_EQ(split.AddString("foo"), foo);
  EXPECT_EQ(split.AddString("bar"), parent.str_end());
  EXPECT_STREQ(split.name(fwd), "foo");
  EXPECT_EQ(split.parent().type(0).kind(), Kind::kUnknown);
}

TEST(Permute, MovesRecordsAndTheirIds) {
  const auto base = SmallBase();
  BtfBuilder b(*base);
  b.Ptr(b.next_id() + 1);
  b.Struct("foo", 4, {{"a", kInt, 0}, {"self", b.first_id(), 32}});
  auto split = Parse(b.Build(), base.get());
  ASSERT_TRUE(split.ok()) << split.status();
  ASSERT_TRUE(split->Permute({1, 0}).ok());
  EXPECT_EQ(testing::Dump(*split),
            "[2] STRUCT 'foo' size=4\n"
            "    'a' type=1 offset=0\n"
            "    'self' type=3 offset=32\n"
            "[3] PTR '' type=2\n");
}

TEST(Permute, RefusesWhatItCannotFollow) {
  SmallBtf dangling;
  dangling.Proto(77);
  auto btf = Parse(dangling.Build());
  absl::Status status = btf->Permute({1, 0});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("type 2 (FUNC_PROTO) refers to type 77"));
  EXPECT_EQ(Bytes(*btf), dangling.Build());

  SmallBtf unknown;
  unknown.form().layout = StandardLayout() + LayoutEntry(0, 0);
  unknown.Raw("", 20u << 24, 0);
  btf = Parse(unknown.Build());
  status = btf->Permute({1, 0});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("type 2 is of unknown kind 20"));
}

TEST(Modifiable, UnknownHeaderContentForbidsIt) {
  SmallBtf b;
  b.form().hdr_len = 36;
  EXPECT_TRUE(Parse(b.Build())->CheckModifiable().ok());
  b.form().header_extra = "\1";
  auto btf = Parse(b.Build());
  EXPECT_FALSE(btf->modifiable());
  const absl::Status status = btf->Permute({0});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("36 bytes"));
}

TEST(ReplaceTypes, TakesTypesAndStringsAsTheyAre) {
  SmallBtf b;
  b.form().string_gap = 8;
  auto btf = Parse(b.Build());
  btf->AddString("gone");
  btf->ReplaceTypes({0, MakeInfo(Kind::kPtr, 0, false), 0}, {0, 3});
  btf->ReplaceOwnStrings(std::pmr::string("\0x\0", 3));
  EXPECT_EQ(btf->AddString("x"), 1u);
  BtfBuilder expected;
  expected.form().hdr_len = kExtendedHeaderSize;
  expected.Ptr(0);
  expected.AppendString("x");
  EXPECT_EQ(Bytes(*btf), expected.Build());
}

}  // namespace
}  // namespace btfd::btf
