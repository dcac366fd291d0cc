// SPDX-License-Identifier: Apache-2.0
//
// Reads DIEs made by chance in two ways, which must agree.
#include "lib/dwarf/unit.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "lib/dwarf/testing/dwarf_builder.h"
#include "lib/elf/module_file.h"
#include "lib/util/file.h"

namespace btfd::dwarf {
namespace {

constexpr uint16_t kTags[] = {
    kTagMember,         kTagEnumerator,    kTagFormalParameter,
    kTagSubrangeType,   kTagPointerType,   kTagConstType,
    kTagVolatileType,   kTagRestrictType,  kTagTypedef,
    kTagBaseType,       kTagStructureType, kTagUnionType,
    kTagSubroutineType, kTagVariable,      kTagSubprogram,
    kTagArrayType,      kTagClassType,     kTagEnumerationType,
};
constexpr uint16_t kNumbers[] = {
    kAtByteSize,    kAtBitSize,    kAtDataBitOffset, kAtDataMemberLocation,
    kAtEncoding,    kAtUpperBound, kAtCount,         kAtConstValue,
    kAtDeclaration, 0x3b /* DW_AT_decl_line */};
constexpr uint16_t kForms[] = {kFormData1,         kFormData1, kFormData2,
                               kFormImplicitConst, kFormData4, kFormUdata};

class Dies {
 public:
  explicit Dies(uint64_t seed) : random_(seed) {}

  std::string Make() {
    dwarf_.BeginUnit();
    dwarf_.Leaf(kTagBaseType, {}, "target");
    // More than have a code of one byte.
    for (int i = 0; i < 200; ++i) Die(0);
    dwarf_.EndUnit();
    return dwarf_.Build();
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  void Die(int depth) {
    std::vector<BuiltAttribute> attributes;
    for (uint64_t i = Below(5); i > 0; --i) {
      switch (Below(6)) {
        case 0:
          attributes.push_back(Text(kAtName, "n" + std::to_string(Below(9))));
          break;
        case 1:
          attributes.push_back(
              Below(3) == 0 ? BuiltAttribute{kAtName, kFormString, 0, "short"}
                            : To(kAtType, "target"));
          break;
        case 2:
          attributes.push_back(Flag(kAtDeclaration));
          break;
        case 3:
          attributes.push_back(To(kAtSibling, "target"));
          break;
        default:
          attributes.push_back({kNumbers[Below(std::size(kNumbers))],
                                kForms[Below(std::size(kForms))], Below(64),
                                ""});
      }
    }
    const uint16_t tag = kTags[Below(std::size(kTags))];
    if (depth == 3 || Below(3) != 0) return dwarf_.Leaf(tag, attributes);
    dwarf_.Begin(tag, attributes);
    for (uint64_t i = Below(4); i > 0; --i) Die(depth + 1);
    dwarf_.End();
  }

  std::mt19937_64 random_;
  DwarfBuilder dwarf_;
};

uint64_t NumberOf(const Die& die, std::initializer_list<Slot> slots) {
  for (const Slot slot : slots) {
    if (die.has(slot)) return die.Number(slot);
  }
  return 0;
}

// What PlainDie::first and second are of a tag.
uint64_t FirstOf(const Die& die) {
  switch (die.tag()) {
    case kTagMember:
      return NumberOf(die, {kMemberLocation, kDataBitOffset});
    case kTagEnumerator:
      return NumberOf(die, {kConstValue});
    case kTagSubrangeType:
      return NumberOf(die, {kUpperBound, kCount});
    default:
      return NumberOf(die, {kByteSize});
  }
}
uint64_t SecondOf(const Die& die) {
  return die.tag() == kTagMember ? NumberOf(die, {kBitSize})
                                 : NumberOf(die, {kEncoding});
}

TEST(DieCursor, APlainDieIsTheSameAsAnyOther) {
  int plain_dies = 0, others = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const auto file = elf::ModuleFile::FromBytes(
        {}, util::FileBytes::Copy(Dies(seed).Make()), "m.ko");
    ASSERT_TRUE(file.ok()) << file.status();
    const auto object = Object::Open(*file);
    ASSERT_TRUE(object.ok()) << object.status();
    uint64_t next;
    const auto unit = ReadUnitHeader(**object, (*object)->info, 0, &next);
    ASSERT_TRUE(unit.ok()) << unit.status();
    AbbrevTable abbrevs;
    ASSERT_TRUE(abbrevs.Load(**object, *unit).ok());
    DieCursor quick(**object, *unit, abbrevs);
    DieCursor thorough(**object, *unit, abbrevs);
    PlainDie plain;
    Die die, same;
    while (!quick.at_end()) {
      const bool is_plain = quick.NextPlain(&plain);
      const bool is_die = thorough.Next(&die);
      if (!is_plain) {
        ASSERT_EQ(quick.Next(&same), is_die);
        ASSERT_EQ(quick.offset(), thorough.offset());
        others += is_die;
        continue;
      }
      ++plain_dies;
      ASSERT_TRUE(is_die);
      ASSERT_EQ(quick.offset(), thorough.offset());
      EXPECT_EQ(plain.offset, die.offset);
      EXPECT_EQ(plain.abbrev, die.abbrev);
      EXPECT_FALSE(die.has(kAnnotation));
      if (die.has(kName)) {
        EXPECT_EQ(die.values[kName].type, ValueClass::kString);
        EXPECT_EQ(plain.name, die.values[kName].number);
      }
      if (die.has(kType)) {
        EXPECT_EQ(unit->offset + plain.type, die.values[kType].number);
      }
      EXPECT_EQ(plain.first, FirstOf(die)) << die.offset;
      EXPECT_EQ(plain.second, SecondOf(die)) << die.offset;
    }
    EXPECT_TRUE(quick.ok()) << quick.status();
  }
  EXPECT_GT(plain_dies, 10000);
  EXPECT_GT(others, 10000);
}

}  // namespace
}  // namespace btfd::dwarf
