// SPDX-License-Identifier: Apache-2.0
//
// What the interner leaves out must make no difference: after deduplication,
// the types that it made and all types give the same bytes. Small cases by
// hand, and many by chance: units that share headers, in which some names are
// declared only, and some are defined otherwise.
#include "lib/encode/interner.h"

#include <cstdlib>
#include <memory>
#include <memory_resource>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/btf/base.h"
#include "lib/btf/btf.h"
#include "lib/btf/dedup_index.h"
#include "lib/dwarf/testing/dwarf_builder.h"
#include "lib/encode/encoder.h"
#include "lib/engine/dedup/dedup.h"
#include "lib/engine/pipeline.h"

namespace btfd::encode {
namespace {

using dwarf::DwarfBuilder;
using dwarf::Number;
using dwarf::Text;
using dwarf::To;

Encoded MustEncode(const std::string& elf, bool make_all,
                   const BaseNames& base = {}) {
  auto file =
      elf::ModuleFile::FromBytes({}, util::FileBytes::Copy(elf), "m.ko");
  EXPECT_TRUE(file.ok()) << file.status();
  const auto object = dwarf::Object::Open(*file);
  EXPECT_TRUE(object.ok()) << object.status();
  EncodeOptions options;
  options.make_all = make_all;
  options.base = base;
  auto encoded = Encode(**object, options);
  EXPECT_TRUE(encoded.ok()) << encoded.status();
  return *std::move(encoded);
}

std::string Deduplicated(const std::string& residue) {
  auto btf = btf::Btf::Parse(residue, nullptr, ".BTF",
                             std::pmr::new_delete_resource());
  EXPECT_TRUE(btf.ok()) << btf.status();
  const absl::Status status = engine::Dedup(&*btf, nullptr);
  EXPECT_TRUE(status.ok()) << status;
  std::string out;
  btf->Serialize(&out);
  return out;
}

// A base as a daemon knows it.
struct IndexedBase {
  explicit IndexedBase(const std::string& raw) {
    auto built = btf::Base::Build(raw);
    EXPECT_TRUE(built.ok()) << built.status();
    base = *std::move(built);
    auto indexed = btf::DedupIndex::Build(*base);
    EXPECT_TRUE(indexed.ok()) << indexed.status();
    index = *std::move(indexed);
    engine::FinalizeInput input;
    input.base = base.get();
    engine::Steps steps;
    steps.base_names = true;
    engine::FinalizeOutput output;
    EXPECT_TRUE(
        engine::Finalize(input, steps, std::pmr::new_delete_resource(), &output)
            .ok());
    names = {output.base_names->declared, output.base_names->repeated};
  }

  std::shared_ptr<const btf::Base> base;
  std::shared_ptr<const btf::DedupIndex> index;
  BaseNames names;
};

// What the engine makes of it over the base; empty where it says that all types
// have to be made.
std::string PutOver(const IndexedBase& base, const Encoded& encoded) {
  engine::FinalizeInput input;
  input.btf = encoded.btf;
  input.base = base.base.get();
  input.dedup_index = base.index.get();
  engine::Steps steps;
  steps.encoded = engine::LibbpfRules::k1_7;
  if (encoded.interned) steps.interned_forwards = encoded.forwards;
  engine::FinalizeOutput output;
  const absl::Status status =
      engine::Finalize(input, steps, std::pmr::new_delete_resource(), &output);
  if (output.failed_in == engine::FailedIn::kInterning) return "";
  EXPECT_TRUE(status.ok()) << status;
  return output.btf.value_or("nothing was made");
}

// struct NAME { int x; struct OTHER *p; }; where OTHER is a label.
void AddStruct(DwarfBuilder* dwarf, const std::string& name,
               const std::string& other, int extra = 0) {
  dwarf->Begin(dwarf::kTagStructureType,
               {Text(dwarf::kAtName, name), Number(dwarf::kAtByteSize, 16)},
               name);
  dwarf->Leaf(
      dwarf::kTagMember,
      {Text(dwarf::kAtName, absl::StrCat("x", extra)),
       To(dwarf::kAtType, "int"), Number(dwarf::kAtDataMemberLocation, 0)});
  if (!other.empty()) {
    dwarf->Leaf(dwarf::kTagMember,
                {Text(dwarf::kAtName, "p"), To(dwarf::kAtType, "*" + other),
                 Number(dwarf::kAtDataMemberLocation, 8)});
  }
  dwarf->End();
  if (!other.empty()) {
    dwarf->Leaf(dwarf::kTagPointerType, {To(dwarf::kAtType, other)},
                "*" + other);
  }
}

void AddInt(DwarfBuilder* dwarf) {
  dwarf->Leaf(dwarf::kTagBaseType,
              {Text(dwarf::kAtName, "int"), Number(dwarf::kAtByteSize, 4),
               Number(dwarf::kAtEncoding, dwarf::kAteSigned)},
              "int");
}

void AddForward(DwarfBuilder* dwarf, const std::string& name) {
  dwarf->Leaf(dwarf::kTagStructureType,
              {Text(dwarf::kAtName, name), dwarf::Flag(dwarf::kAtDeclaration)},
              name);
}

std::string WithSymbols(DwarfBuilder* dwarf) {
  dwarf->elf().AddSymbol("nothing", 1, 0, 0);
  return dwarf->Build();
}

TEST(Interner, ACopyInALaterUnitIsNotMade) {
  DwarfBuilder dwarf;
  for (int unit = 0; unit < 3; ++unit) {
    dwarf.BeginUnit();
    AddInt(&dwarf);
    AddStruct(&dwarf, "a", "b");
    AddStruct(&dwarf, "b", "");
    dwarf.EndUnit();
  }
  const std::string elf = WithSymbols(&dwarf);
  const Encoded encoded = MustEncode(elf, false);
  EXPECT_EQ(encoded.units, 3u);
  EXPECT_EQ(encoded.types_met, 12u);
  EXPECT_EQ(encoded.types_made, 4u);
  EXPECT_EQ(Deduplicated(encoded.btf), Deduplicated(MustEncode(elf, true).btf));
}

TEST(Interner, AnotherDefinitionAndWhatReachesItIsMade) {
  DwarfBuilder dwarf;
  for (int unit = 0; unit < 4; ++unit) {
    dwarf.BeginUnit();
    AddInt(&dwarf);
    AddStruct(&dwarf, "a", "b");
    AddStruct(&dwarf, "b", "", unit % 2);
    dwarf.EndUnit();
  }
  const std::string elf = WithSymbols(&dwarf);
  const Encoded encoded = MustEncode(elf, false);
  // Unit 1 makes four, unit 2 all but int; 3 and 4 are copies.
  EXPECT_EQ(encoded.types_made, 7u);
  EXPECT_EQ(Deduplicated(encoded.btf), Deduplicated(MustEncode(elf, true).btf));
}

TEST(Interner, AForwardAndItsDefinitionAreAPair) {
  DwarfBuilder dwarf;
  for (int unit = 0; unit < 2; ++unit) {
    dwarf.BeginUnit();
    AddInt(&dwarf);
    AddStruct(&dwarf, "a", "b");
    if (unit == 0) {
      AddForward(&dwarf, "b");
    } else {
      AddStruct(&dwarf, "b", "");
    }
    dwarf.EndUnit();
  }
  const std::string elf = WithSymbols(&dwarf);
  const Encoded encoded = MustEncode(elf, false);
  EXPECT_EQ(encoded.forwards.size(), 1u);
  EXPECT_EQ(Deduplicated(encoded.btf), Deduplicated(MustEncode(elf, true).btf));
}

// Units that include some headers of a few; a header has a struct, whose
// members refer to structs of others. Here and there a name is declared only,
// is defined in another way, or both.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {
    names_ = 3 + Pick(6);
    for (int i = 0; i < names_; ++i) {
      for (int variant = 0; variant < 2; ++variant) {
        std::vector<Member> members(1 + Pick(4));
        for (Member& member : members) {
          member.to = Pick(names_);
          member.shape = Pick(7);
        }
        bodies_.push_back(members);
      }
    }
    forwards_ = Pick(50);
    variants_ = Pick(3) == 0 ? 0 : Pick(20);
  }

  std::string Build() {
    DwarfBuilder dwarf;
    const int units = 2 + Pick(6);
    for (int unit = 0; unit < units; ++unit) AddUnit(&dwarf);
    return WithSymbols(&dwarf);
  }

 private:
  struct Member {
    int to;
    int shape;
  };

  int Pick(int bound) {
    return std::uniform_int_distribution<int>(0, bound - 1)(random_);
  }

  void AddUnit(DwarfBuilder* dwarf) {
    dwarf->BeginUnit();
    AddInt(dwarf);
    std::vector<int> order(names_);
    for (int i = 0; i < names_; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    for (const int i : order) {
      const std::string name = absl::StrCat("s", i);
      if (Pick(100) < forwards_) {
        AddForward(dwarf, name);
        continue;
      }
      const bool variant = Pick(100) < variants_;
      AddBody(dwarf, name, bodies_[2 * i + (variant ? 1 : 0)]);
    }
    for (int i = 0; i < names_; ++i) {
      const std::string name = absl::StrCat("s", i);
      dwarf->Leaf(dwarf::kTagPointerType, {To(dwarf::kAtType, name)},
                  "*" + name);
      dwarf->Leaf(dwarf::kTagConstType, {To(dwarf::kAtType, name)},
                  "const " + name);
      dwarf->Leaf(dwarf::kTagPointerType, {To(dwarf::kAtType, "const " + name)},
                  "*const " + name);
      dwarf->Leaf(
          dwarf::kTagTypedef,
          {Text(dwarf::kAtName, name + "_t"), To(dwarf::kAtType, "*" + name)},
          name + "_t");
      dwarf->Begin(dwarf::kTagSubroutineType, {To(dwarf::kAtType, "*" + name)},
                   name + "()");
      dwarf->Leaf(dwarf::kTagFormalParameter,
                  {To(dwarf::kAtType, "*const " + name)});
      dwarf->End();
      dwarf->Leaf(dwarf::kTagPointerType, {To(dwarf::kAtType, name + "()")},
                  "*" + name + "()");
      dwarf->Begin(dwarf::kTagStructureType, {Number(dwarf::kAtByteSize, 8)},
                   "{" + name + "}");
      dwarf->Leaf(dwarf::kTagMember,
                  {Text(dwarf::kAtName, "in"), To(dwarf::kAtType, "*" + name),
                   Number(dwarf::kAtDataMemberLocation, 0)});
      dwarf->End();
      dwarf->Begin(dwarf::kTagArrayType, {To(dwarf::kAtType, name + "_t")},
                   name + "[]");
      dwarf->Leaf(dwarf::kTagSubrangeType, {Number(dwarf::kAtUpperBound, 3)});
      dwarf->End();
    }
    dwarf->EndUnit();
  }

  void AddBody(DwarfBuilder* dwarf, const std::string& name,
               const std::vector<Member>& members) {
    dwarf->Begin(dwarf::kTagStructureType,
                 {Text(dwarf::kAtName, name),
                  Number(dwarf::kAtByteSize, 32 * members.size())},
                 name);
    for (size_t i = 0; i < members.size(); ++i) {
      const std::string to = absl::StrCat("s", members[i].to);
      const std::string shapes[] = {
          "int",           "*" + to,       to + "_t", "*const " + to,
          "*" + to + "()", "{" + to + "}", to + "[]"};
      dwarf->Leaf(dwarf::kTagMember,
                  {Text(dwarf::kAtName, absl::StrCat("m", i)),
                   To(dwarf::kAtType, shapes[members[i].shape]),
                   Number(dwarf::kAtDataMemberLocation, 32 * i)});
    }
    dwarf->End();
  }

  std::mt19937_64 random_;
  int names_;
  int forwards_;  // percent
  int variants_;
  std::vector<std::vector<Member>> bodies_;
};

TEST(Interner, MakesNoDifferenceOnManyUnits) {
  // BTFD_CASES=N BTFD_SEED=S: others, or more of them.
  const char* cases = getenv("BTFD_CASES");
  const char* first = getenv("BTFD_SEED");
  const uint64_t count = cases != nullptr ? strtoull(cases, nullptr, 0) : 2000;
  const uint64_t start = first != nullptr ? strtoull(first, nullptr, 0) : 1;
  uint64_t left_out = 0;
  for (uint64_t seed = start; seed < start + count; ++seed) {
    const std::string elf = Generator(seed).Build();
    const Encoded some = MustEncode(elf, false);
    const Encoded all = MustEncode(elf, true);
    left_out += all.types_made - some.types_made;
    ASSERT_TRUE(Deduplicated(some.btf) == Deduplicated(all.btf))
        << "seed " << seed << ": " << some.types_made << " of "
        << all.types_made << " types";
  }
  EXPECT_GT(left_out, count * 10);
}

// Deduplication itself does not always converge on graphs as dense as these:
// libbpf leaves duplicates of types that refer to each other in circles, and
// which ones depends on which copy of `int` a unit refers to. In 12 of 30,000
// cases the results differ for that reason; of 1,019 modules of a kernel, in
// none (tests/pahole).
TEST(Interner, MakesNearlyNoDifferenceOverABase) {
  // As above.
  const char* cases = getenv("BTFD_CASES");
  const char* first = getenv("BTFD_SEED");
  const uint64_t count = cases != nullptr ? strtoull(cases, nullptr, 0) : 2000;
  const uint64_t start = first != nullptr ? strtoull(first, nullptr, 0) : 1;
  uint64_t left_out = 0;
  uint64_t uncertain = 0;
  uint64_t different = 0;
  for (uint64_t seed = start; seed < start + count; ++seed) {
    Generator generator(seed);
    const IndexedBase base(
        Deduplicated(MustEncode(generator.Build(), true).btf));
    const std::string elf = generator.Build();
    const Encoded some = MustEncode(elf, false, base.names);
    const Encoded all = MustEncode(elf, true);
    const std::string over_base = PutOver(base, some);
    if (over_base.empty() || some.types_made == all.types_made) {
      ++uncertain;
      continue;
    }
    left_out += all.types_made - some.types_made;
    if (over_base != PutOver(base, all)) ++different;
  }
  EXPECT_LE(different, count / 1000) << "from seed " << start;
  EXPECT_GT(left_out, count * 10);
  EXPECT_LT(uncertain, count * 7 / 10);
}

}  // namespace
}  // namespace btfd::encode
