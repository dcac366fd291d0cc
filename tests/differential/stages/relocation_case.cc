// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/stages/relocation_case.h"

#include <vector>

#include "lib/btf/testing/builder.h"
#include "tests/differential/generator/generator.h"

namespace btfd::tests {

namespace {

using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::MemberSpec;
using btf::testing::Name;

class Drawer {
 public:
  explicit Drawer(uint64_t seed) : random_(seed) {}

  RelocationCase Draw() {
    BtfBuilder distilled;
    const uint32_t types = random_.Below(5);
    for (uint32_t i = 0; i < types; ++i) DrawDistilled(&distilled);
    BtfBuilder split(distilled);
    if (random_.Chance(20)) split.ShareStrings(false);
    DrawSplit(&split);
    BtfBuilder base;
    if (random_.Chance(30)) base.ShareStrings(false);
    DrawBase(&base);
    return {distilled.Build(), split.Build(), base.Build()};
  }

 private:
  // A distilled type, so that a base can be drawn that has it.
  struct Named {
    std::string name;
    btf::Kind kind;
    uint32_t size;
    bool flag;
  };

  std::string AnyName() {
    static constexpr const char* kNames[] = {"a", "b", "foo", "foobar"};
    return kNames[random_.Below(4)];
  }
  uint32_t AnySize() { return random_.Chance(60) ? 4 : 8; }

  void DrawDistilled(BtfBuilder* builder) {
    static constexpr btf::Kind kKinds[] = {
        btf::Kind::kInt,   btf::Kind::kFloat,  btf::Kind::kEnum,
        btf::Kind::kFwd,   btf::Kind::kStruct, btf::Kind::kStruct,
        btf::Kind::kUnion, btf::Kind::kStruct};
    Named named{AnyName(), kKinds[random_.Below(8)], AnySize(),
                random_.Chance(30)};
    if (random_.Chance(1)) named.kind = btf::Kind::kEnum64;
    if (random_.Chance(1)) named.name = "";
    if (random_.Chance(1)) named.kind = btf::Kind::kPtr;
    distilled_ids_.push_back(Add(builder, named, /*with_content=*/false));
    named_.push_back(named);
  }

  TypeId Add(BtfBuilder* builder, const Named& type, bool with_content) {
    switch (type.kind) {
      case btf::Kind::kInt:
        return builder->Int(type.name, type.size, type.flag ? 1 : 0);
      case btf::Kind::kFloat:
        return builder->Float(type.name, type.size);
      case btf::Kind::kEnum:
        return with_content
                   ? builder->Enum(type.name, type.size, {{"V", 1}}, type.flag)
                   : builder->Enum(type.name, type.size);
      case btf::Kind::kEnum64:
        return builder->Enum64(type.name, type.size, {{"W", 1}}, type.flag);
      case btf::Kind::kFwd:
        return builder->Fwd(type.name, type.flag);
      case btf::Kind::kPtr:
        return builder->Ptr(0);
      default:
        break;
    }
    // In a struct with members, the kind flag says that it has bitfields.
    std::vector<MemberSpec> members;
    if (with_content) members.push_back({"m", 0, 0, type.flag ? 3u : 0u});
    return type.kind == btf::Kind::kUnion
               ? builder->Union(type.name, type.size, members)
               : builder->Struct(type.name, type.size, members);
  }

  void DrawSplit(BtfBuilder* split) {
    std::vector<TypeId> known = distilled_ids_;
    known.push_back(0);
    const uint32_t types = random_.Below(8);
    for (uint32_t i = 0; i < types; ++i) {
      const TypeId to = known[random_.Below(known.size())];
      known.push_back(DrawSplitType(split, to));
    }
    if (random_.Chance(2)) split->Typedef(Name::At(2), 0);  // mid-string
  }

  TypeId DrawSplitType(BtfBuilder* split, TypeId to) {
    switch (random_.Below(9)) {
      case 0:
        return split->Ptr(to);
      case 1:
        return split->Const(to);
      case 2:
        return split->Typedef(random_.Chance(50) ? "own_t" : AnyName(), to);
      case 3:
        return split->Array(to, 0, 3);
      case 4:
        return split->TypeTag("tag", to);
      case 5:
        return split->Func("fn", split->Proto(to, {{"x", to}}));
      default:
        return split->Struct("own", 64, {{"m", to, 0}, {"n", to, 64}});
    }
  }

  void DrawBase(BtfBuilder* base) {
    base->Ptr(0);
    // The base has most of the distilled types, unchanged or slightly changed.
    for (const Named& named : named_) {
      if (random_.Chance(5)) continue;
      Named type = named;
      if (random_.Chance(10)) type.size = AnySize();
      if (random_.Chance(10)) type.flag = !type.flag;
      if (random_.Chance(10)) type.kind = AnyKind();
      Add(base, type, /*with_content=*/true);
    }
    for (uint32_t more = random_.Below(3); more > 0; --more) {
      const Named type{AnyName(), AnyKind(), AnySize(), random_.Chance(30)};
      if (random_.Chance(50)) Add(base, type, /*with_content=*/true);
    }
    // A name_off that is not 0 and leads to an empty text.
    if (random_.Chance(2)) {
      const uint32_t empty = base->AppendString("");
      base->Struct(Name::At(empty), AnySize());
    }
  }

  btf::Kind AnyKind() {
    static constexpr btf::Kind kKinds[] = {
        btf::Kind::kInt,    btf::Kind::kFloat,  btf::Kind::kEnum,
        btf::Kind::kEnum64, btf::Kind::kFwd,    btf::Kind::kStruct,
        btf::Kind::kUnion,  btf::Kind::kStruct, btf::Kind::kPtr};
    return kKinds[random_.Below(9)];
  }

  Random random_;
  std::vector<Named> named_;
  std::vector<TypeId> distilled_ids_;
};

}  // namespace

RelocationCase DrawRelocation(uint64_t seed) { return Drawer(seed).Draw(); }

}  // namespace btfd::tests
