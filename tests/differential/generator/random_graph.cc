// SPDX-License-Identifier: Apache-2.0
//
// Types that are drawn one by one. A reference goes to any id of the same BTF
// or of the base. But a type of a single-reference kind refers to a smaller id,
// or to a type that is no single reference, so that no cycle consists of these
// kinds alone. For that, the kinds are drawn before the records.
#include "tests/differential/generator/random_graph.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lib/btf/kinds.h"
#include "lib/btf/testing/builder.h"
#include "tests/differential/generator/form.h"

namespace btfd::tests {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::EnumSpec;
using btf::testing::MemberSpec;
using btf::testing::ParamSpec;

// What a case has more or less of; drawn once for base and split together.
struct Leaning {
  uint32_t names;           // their number
  uint32_t anonymous;       // percent
  uint32_t odd;             // percent of references that may be odd
  uint32_t void_share;      // percent of references to void
  std::vector<Kind> kinds;  // with repetition: weights
};

bool IsOdd(Kind kind) {
  return kind == Kind::kVar || kind == Kind::kDatasec ||
         kind == Kind::kDeclTag || kind == Kind::kFunc;
}

Leaning DrawLeaning(Random* random) {
  Leaning leaning;
  leaning.names = random->Between(1, 6);
  leaning.anonymous = random->Chance(30) ? random->Below(80) : 15;
  leaning.odd = random->Chance(6) ? 15 : 0;
  leaning.void_share = random->Between(3, 20);
  const Kind all[] = {
      Kind::kInt,       Kind::kPtr,   Kind::kArray,    Kind::kStruct,
      Kind::kUnion,     Kind::kEnum,  Kind::kFwd,      Kind::kTypedef,
      Kind::kVolatile,  Kind::kConst, Kind::kRestrict, Kind::kFunc,
      Kind::kFuncProto, Kind::kFloat, Kind::kTypeTag,  Kind::kEnum64,
      Kind::kStruct,    Kind::kPtr,   Kind::kStruct,   Kind::kFwd};
  for (const Kind kind : all) {
    for (uint32_t weight = random->Below(4); weight > 0; --weight) {
      leaning.kinds.push_back(kind);
    }
  }
  leaning.kinds.push_back(Kind::kStruct);
  leaning.kinds.push_back(Kind::kPtr);
  if (random->Chance(12)) leaning.kinds.push_back(Kind::kDeclTag);
  if (random->Chance(10)) leaning.kinds.push_back(Kind::kVar);
  return leaning;
}

class Writer {
 public:
  // `below` are the kinds of the base's ids, with void.
  Writer(Random* random, const Leaning& leaning, std::vector<Kind> below,
         BtfBuilder* builder)
      : random_(random),
        leaning_(leaning),
        kinds_(std::move(below)),
        first_(static_cast<TypeId>(kinds_.size())),
        builder_(builder) {}

  std::vector<Kind> Write(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      kinds_.push_back(leaning_.kinds[random_->Below(
          static_cast<uint32_t>(leaning_.kinds.size()))]);
    }
    loop_left_ = random_->Chance(3);
    for (TypeId id = first_; id < kinds_.size(); ++id) WriteType(id);
    if (random_->Chance(3)) {
      builder_->Datasec(Text(), 4, Vars());
      kinds_.push_back(Kind::kDatasec);
    }
    return kinds_;
  }

 private:
  std::string Text() {
    if (random_->Chance(leaning_.anonymous)) return "";
    return std::string(1,
                       static_cast<char>('a' + random_->Below(leaning_.names)));
  }
  std::string MemberText() {
    return random_->Chance(10)
               ? ""
               : std::string(1, static_cast<char>('m' + random_->Below(2)));
  }

  bool MayRefer(TypeId from, TypeId to) const {
    const Kind kind = kinds_[to];
    if (IsOdd(kind) && !random_->Chance(leaning_.odd)) return false;
    if (!btf::IsSingleReference(kinds_[from])) return true;
    return to < from || !btf::IsSingleReference(kind);
  }

  TypeId Target(TypeId from) {
    if (random_->Chance(leaning_.void_share)) return 0;
    // References to near ids give base and split types with equal neighbours.
    for (int attempt = 0; attempt < 8; ++attempt) {
      const TypeId to = random_->Below(static_cast<uint32_t>(kinds_.size()));
      if (MayRefer(from, to)) return to;
    }
    return 0;
  }

  TypeId Proto() {
    std::vector<TypeId> protos;
    for (TypeId id = 1; id < kinds_.size(); ++id) {
      if (kinds_[id] == Kind::kFuncProto) protos.push_back(id);
    }
    if (protos.empty()) return 0;
    return protos[random_->Below(static_cast<uint32_t>(protos.size()))];
  }

  std::vector<btf::SectionVar> Vars() {
    std::vector<btf::SectionVar> vars;
    for (TypeId id = 1; id < kinds_.size(); ++id) {
      if (kinds_[id] == Kind::kVar && random_->Chance(50)) {
        vars.push_back({id, 0, 4});
      }
    }
    return vars;
  }

  std::vector<MemberSpec> Members(TypeId id) {
    std::vector<MemberSpec> members;
    const uint32_t count = random_->Below(4);
    for (uint32_t i = 0; i < count; ++i) {
      members.push_back({MemberText(), Target(id), i * 32,
                         random_->Chance(3) ? random_->Below(3) : 0});
    }
    return members;
  }

  std::vector<EnumSpec> Values() {
    std::vector<EnumSpec> values;
    const uint32_t count = random_->Below(3);
    for (uint32_t i = 0; i < count; ++i) {
      values.push_back({MemberText(), random_->Below(2)});
    }
    return values;
  }

  void WriteType(TypeId id) {
    BtfBuilder& b = *builder_;
    const Kind kind = kinds_[id];
    const bool flag = random_->Chance(25);
    switch (kind) {
      case Kind::kInt:
        b.Int(Text(), 1u << random_->Below(2), random_->Below(2));
        break;
      case Kind::kFloat:
        b.Float(Text(), 4u << random_->Below(2));
        break;
      case Kind::kArray:
        b.Array(Target(id), Target(id), random_->Below(3));
        break;
      case Kind::kStruct:
        b.Struct(Text(), 8, Members(id));
        break;
      case Kind::kUnion:
        b.Union(Text(), 8, Members(id));
        break;
      case Kind::kEnum:
        b.Enum(Text(), 4, Values(), flag);
        break;
      case Kind::kEnum64:
        b.Enum64(Text(), 8, Values(), flag);
        break;
      case Kind::kFwd:
        b.Fwd(Text(), flag);
        break;
      case Kind::kFuncProto:
        WriteProto(id);
        break;
      case Kind::kFunc:
        WriteFunc(id);
        break;
      case Kind::kVar:
        b.Var(Text(), Target(id));
        break;
      case Kind::kDeclTag:
        b.DeclTag(Text(), AnyId(), static_cast<int32_t>(random_->Below(2)) - 1,
                  flag);
        break;
      case Kind::kTypeTag:
        b.TypeTag(Text(), Target(id), flag);
        break;
      case Kind::kTypedef:
        WriteTypedef(id);
        break;
      default:
        b.Raw(random_->Chance(3) ? Text() : "", MakeInfo(kind, 0, false),
              Target(id));
        break;
    }
  }

  TypeId AnyId() {
    return random_->Below(static_cast<uint32_t>(kinds_.size()));
  }

  void WriteProto(TypeId id) {
    std::vector<ParamSpec> params;
    const uint32_t count = random_->Below(3);
    for (uint32_t i = 0; i < count; ++i) {
      params.push_back({MemberText(), Target(id)});
    }
    builder_->Proto(Target(id), params);
  }

  // A FUNC that refers to anything but a FUNC_PROTO is not valid BTF.
  void WriteFunc(TypeId id) {
    const TypeId proto = Proto();
    if (proto == 0) {
      kinds_[id] = Kind::kFloat;
      builder_->Float(Text(), 4);
    } else {
      builder_->Func(Text(), proto, random_->Below(2));
    }
  }

  // At most one typedef of itself in each BTF: two equal ones would make libbpf
  // hang.
  void WriteTypedef(TypeId id) {
    const bool loop = loop_left_;
    loop_left_ = false;
    builder_->Typedef(Text(), loop ? id : Target(id));
  }

  Random* random_;
  const Leaning& leaning_;
  std::vector<Kind> kinds_;
  TypeId first_;
  BtfBuilder* builder_;
  bool loop_left_ = false;
};

// Numbers around those at which libbpf's candidate map grows.
uint32_t DrawCount(Random* random) {
  if (random->Chance(10)) return random->Below(3);
  if (random->Chance(15)) return random->Between(40, 110);
  return random->Between(2, 32);
}

}  // namespace

GeneratedCase GenerateRandomGraph(Random* random) {
  GeneratedCase out;
  const Leaning leaning = DrawLeaning(random);
  std::vector<Kind> kinds = {Kind::kUnknown};
  BtfBuilder base;
  out.has_base = !random->Chance(15);
  if (out.has_base) {
    DrawForm(random, &base);
    kinds = Writer(random, leaning, kinds, &base).Write(DrawCount(random));
    out.base = base.Build();
  }
  BtfBuilder own;
  BtfBuilder over_base(base);
  BtfBuilder& split = out.has_base ? over_base : own;
  DrawForm(random, &split);
  Writer(random, leaning, kinds, &split).Write(DrawCount(random));
  out.split = split.Build();
  return out;
}

}  // namespace btfd::tests
