// SPDX-License-Identifier: Apache-2.0
//
// First a program is drawn, as a graph of types. Then each compilation unit
// writes the types that its roots need, in an order of its own. It may change
// some of them: write a struct as a forward, an enum as an empty one, a type
// two or three times (what refers to it takes any of the copies), an array with
// another element, a struct with another member type; or it may refer to the
// base's copy of a type. The first units make the base, the others the split.
// Nothing is deduplicated before the test.
#include "tests/differential/generator/compilation_units.h"

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

// A type of the program. Its parts are indices of nodes.
struct Node {
  Kind kind;
  std::string name;
  std::vector<size_t> parts;
  uint32_t number = 0;  // size, number of elements, or linkage
  bool flag = false;
};

class Program {
 public:
  explicit Program(Random* random) : random_(random) { Draw(); }
  const std::vector<Node>& nodes() const { return nodes_; }
  size_t AnyNode() const {
    return random_->Below(static_cast<uint32_t>(nodes_.size()));
  }

 private:
  size_t Add(Node node) {
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }
  std::string Name(const char* stem, uint32_t variety) {
    return stem + std::to_string(random_->Below(variety));
  }

  void Draw() {
    nodes_.push_back({Kind::kUnknown, "", {}, 0, false});  // void
    for (uint32_t i = random_->Between(1, 3); i > 0; --i) {
      Add({Kind::kInt, Name("i", 3), {}, 4, random_->Chance(30)});
    }
    if (random_->Chance(40)) Add({Kind::kFloat, "float", {}, 4, false});
    for (uint32_t i = random_->Below(3); i > 0; --i) {
      Add({random_->Chance(70) ? Kind::kEnum : Kind::kEnum64,
           random_->Chance(70) ? Name("e", 2) : "",
           {},
           random_->Below(3),
           random_->Chance(30)});
    }
    // Composites come first, so that the types around them may form cycles.
    std::vector<size_t> composites;
    const uint32_t names = random_->Between(2, 10);
    for (uint32_t i = random_->Between(2, 12); i > 0; --i) {
      composites.push_back(
          Add({random_->Chance(75) ? Kind::kStruct : Kind::kUnion,
               random_->Chance(80) ? Name("s", names) : "",
               {},
               random_->Chance(20) ? 16u : 8u,
               random_->Chance(5)}));
    }
    if (random_->Chance(8)) AddDeepChain();
    for (uint32_t i = random_->Between(4, 30); i > 0; --i) AddWrapper();
    for (const size_t i : composites) {
      for (uint32_t m = random_->Below(5); m > 0; --m) {
        const size_t part = AnyNode();
        nodes_[i].parts.push_back(part);
      }
    }
    for (uint32_t i = random_->Below(4); i > 0; --i) AddFunction();
  }

  // Nested structs, about as deep as the sixteen levels that libbpf follows.
  void AddDeepChain() {
    size_t inner = 1;
    for (uint32_t i = random_->Between(12, 20); i > 0; --i) {
      inner =
          Add({Kind::kStruct, "deep" + std::to_string(i), {inner}, 8, false});
    }
    Add({Kind::kStruct, "holder", {inner, inner}, 16, false});
  }

  void AddWrapper() {
    const Kind kinds[] = {Kind::kPtr,      Kind::kPtr,      Kind::kPtr,
                          Kind::kConst,    Kind::kVolatile, Kind::kTypedef,
                          Kind::kArray,    Kind::kArray,    Kind::kFuncProto,
                          Kind::kRestrict, Kind::kTypeTag};
    const Kind kind = kinds[random_->Below(11)];
    Node node{kind, "", {AnyNode()}, 0, false};
    switch (kind) {
      case Kind::kTypedef:
        node.name = Name("t", 4);
        break;
      case Kind::kTypeTag:
        node.name = Name("tag", 2);
        node.flag = random_->Chance(30);
        break;
      case Kind::kArray:
        node.number = random_->Between(1, 3);
        node.parts.push_back(1);
        break;
      case Kind::kFuncProto:
        for (uint32_t i = random_->Below(3); i > 0; --i) {
          node.parts.push_back(AnyNode());
        }
        break;
      default:
        break;
    }
    Add(std::move(node));
  }

  void AddFunction() {
    std::vector<size_t> protos;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].kind == Kind::kFuncProto) protos.push_back(i);
    }
    if (protos.empty()) return;
    const size_t proto =
        protos[random_->Below(static_cast<uint32_t>(protos.size()))];
    Add({Kind::kFunc, Name("f", 3), {proto}, random_->Below(2), false});
  }

  Random* random_;
  std::vector<Node> nodes_;
};

// How often the units of a case do what, in percent.
struct Habits {
  uint32_t forward;
  uint32_t empty_enum;
  uint32_t twice;
  uint32_t changed_array;
  uint32_t changed_member;
  uint32_t from_base;
  uint32_t tags;
};

Habits DrawHabits(Random* random) {
  Habits habits;
  auto draw = [&](uint32_t often, uint32_t most) {
    return random->Chance(often) ? random->Below(most + 1) : 0;
  };
  habits.forward = draw(60, 40);
  habits.empty_enum = draw(40, 40);
  habits.twice = draw(60, 40);
  habits.changed_array = draw(40, 50);
  habits.changed_member = draw(50, 20);
  habits.from_base = draw(50, 60);
  habits.tags = draw(20, 20);
  return habits;
}

// The ids of the copies of each node that were written so far.
using Copies = std::vector<std::vector<TypeId>>;

class Unit {
 public:
  Unit(Random* random, const Program& program, const Habits& habits,
       const Copies& in_base, BtfBuilder* builder)
      : random_(random),
        nodes_(program.nodes()),
        habits_(habits),
        in_base_(in_base),
        builder_(builder),
        copies_(nodes_.size()) {}

  // Writes the unit and adds the ids of its types to *written.
  void Write(Copies* written) {
    Choose();
    Place();
    for (const Entry& entry : entries_) WriteEntry(entry);
    for (size_t i = 0; i < copies_.size(); ++i) {
      auto& list = (*written)[i];
      list.insert(list.end(), copies_[i].begin(), copies_[i].end());
    }
    WriteTags();
  }

 private:
  struct Entry {
    size_t node;
    bool is_forward;
  };

  void Choose() {
    needed_.assign(nodes_.size(), false);
    std::vector<size_t> stack;
    for (uint32_t i = random_->Between(1, 6); i > 0; --i) {
      stack.push_back(random_->Below(static_cast<uint32_t>(nodes_.size())));
    }
    declared_.assign(nodes_.size(), false);
    while (!stack.empty()) {
      const size_t i = stack.back();
      stack.pop_back();
      if (i == 0 || needed_[i] || !copies_[i].empty()) continue;
      if (!in_base_[i].empty() && random_->Chance(habits_.from_base)) {
        const auto& ids = in_base_[i];
        copies_[i].push_back(
            ids[random_->Below(static_cast<uint32_t>(ids.size()))]);
        continue;
      }
      needed_[i] = true;
      if (btf::IsComposite(nodes_[i].kind) &&
          random_->Chance(habits_.forward)) {
        declared_[i] = true;
        continue;
      }
      stack.insert(stack.end(), nodes_[i].parts.begin(), nodes_[i].parts.end());
    }
  }

  // Gives every copy its place in the unit, and so its id.
  void Place() {
    for (size_t i = 1; i < nodes_.size(); ++i) {
      if (!needed_[i]) continue;
      uint32_t times = 1;
      while (times < 3 && random_->Chance(habits_.twice)) ++times;
      for (uint32_t n = 0; n < times; ++n) {
        entries_.push_back({i, declared_[i]});
      }
    }
    if (!random_->Chance(30)) {
      for (size_t i = entries_.size(); i > 1; --i) {
        std::swap(entries_[i - 1],
                  entries_[random_->Below(static_cast<uint32_t>(i))]);
      }
    }
    for (size_t i = 0; i < entries_.size(); ++i) {
      copies_[entries_[i].node].push_back(builder_->next_id() +
                                          static_cast<TypeId>(i));
    }
  }

  TypeId Ref(size_t node) {
    const auto& ids = copies_[node];
    if (ids.empty()) return 0;
    return ids[random_->Below(static_cast<uint32_t>(ids.size()))];
  }

  // Another node of which this unit has a copy. It must not make a cycle of
  // references only, so it is an earlier node, or one with members.
  TypeId RefOther(size_t node) {
    for (int attempt = 0; attempt < 8; ++attempt) {
      const size_t other = random_->Below(static_cast<uint32_t>(nodes_.size()));
      if (copies_[other].empty() || nodes_[other].kind == Kind::kFunc) continue;
      if (other < node || btf::IsComposite(nodes_[other].kind))
        return Ref(other);
    }
    return Ref(1);
  }

  void WriteEntry(const Entry& entry) {
    const Node& node = nodes_[entry.node];
    BtfBuilder& b = *builder_;
    if (entry.is_forward) {
      b.Fwd(node.name, (node.kind == Kind::kUnion) != random_->Chance(3));
      return;
    }
    switch (node.kind) {
      case Kind::kInt:
        b.Int(node.name, node.number, node.flag ? 0 : BtfBuilder::kSigned);
        return;
      case Kind::kFloat:
        b.Float(node.name, node.number);
        return;
      case Kind::kEnum:
      case Kind::kEnum64:
        WriteEnum(node);
        return;
      case Kind::kStruct:
      case Kind::kUnion:
        WriteComposite(entry.node, node);
        return;
      case Kind::kArray:
        b.Array(random_->Chance(habits_.changed_array) ? RefOther(entry.node)
                                                       : Ref(node.parts[0]),
                Ref(node.parts[1]), node.number);
        return;
      case Kind::kFuncProto: {
        std::vector<ParamSpec> params;
        for (size_t i = 1; i < node.parts.size(); ++i) {
          params.push_back({"p", Ref(node.parts[i])});
        }
        b.Proto(Ref(node.parts[0]), params);
        return;
      }
      case Kind::kFunc:
        b.Func(node.name, Ref(node.parts[0]), node.number);
        return;
      default:
        b.Raw(node.name, MakeInfo(node.kind, 0, node.flag), Ref(node.parts[0]));
        return;
    }
  }

  void WriteEnum(const Node& node) {
    std::vector<EnumSpec> values;
    if (!random_->Chance(habits_.empty_enum)) {
      for (uint32_t i = 0; i < node.number; ++i) {
        values.push_back({"v" + std::to_string(i), i});
      }
    }
    if (node.kind == Kind::kEnum) {
      builder_->Enum(node.name, 4, values, node.flag);
    } else {
      builder_->Enum64(node.name, 8, values, node.flag);
    }
  }

  void WriteComposite(size_t index, const Node& node) {
    std::vector<MemberSpec> members;
    for (size_t i = 0; i < node.parts.size(); ++i) {
      const TypeId type = random_->Chance(habits_.changed_member)
                              ? RefOther(index)
                              : Ref(node.parts[i]);
      members.push_back({"m" + std::to_string(i), type,
                         static_cast<uint32_t>(i) * 8, node.flag ? 3u : 0u});
    }
    if (node.kind == Kind::kStruct) {
      builder_->Struct(node.name, node.number, members);
    } else {
      builder_->Union(node.name, node.number, members);
    }
  }

  // Writes variables, and decl tags of functions, those of the base included.
  void WriteTags() {
    if (!random_->Chance(habits_.tags)) return;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].kind != Kind::kFunc || copies_[i].empty()) continue;
      builder_->DeclTag("bpf_kfunc", Ref(i), -1, random_->Chance(20));
    }
    if (random_->Chance(30)) builder_->Var("v", Ref(1));
  }

  Random* random_;
  const std::vector<Node>& nodes_;
  const Habits& habits_;
  const Copies& in_base_;
  BtfBuilder* builder_;
  Copies copies_;
  std::vector<bool> needed_;
  std::vector<bool> declared_;
  std::vector<Entry> entries_;
};

}  // namespace

GeneratedCase GenerateCompilationUnits(Random* random) {
  GeneratedCase out;
  const Program program(random);
  const Habits habits = DrawHabits(random);
  const Copies nothing(program.nodes().size());
  Copies in_base = nothing;
  BtfBuilder base;
  out.has_base = !random->Chance(20);
  if (out.has_base) {
    DrawForm(random, &base);
    for (uint32_t i = random->Between(1, 3); i > 0; --i) {
      Unit(random, program, habits, nothing, &base).Write(&in_base);
    }
    out.base = base.Build();
  }
  BtfBuilder own;
  BtfBuilder over_base(base);
  BtfBuilder& split = out.has_base ? over_base : own;
  DrawForm(random, &split);
  Copies in_split = nothing;
  for (uint32_t i = random->Between(1, 5); i > 0; --i) {
    Unit(random, program, habits, in_base, &split).Write(&in_split);
  }
  out.split = split.Build();
  return out;
}

}  // namespace btfd::tests
