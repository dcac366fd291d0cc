// SPDX-License-Identifier: Apache-2.0
//
// Some structs that refer to each other in cycles are written several times.
// Now and then a reference goes to a type of another copy. So a comparison of
// two copies finds a contradiction early, late, or never, and what one
// comparison has found out matters for the next. The split BTF of large modules
// is like this.
#include "tests/differential/generator/copies.h"

#include <string>
#include <utility>
#include <vector>

#include "lib/btf/testing/builder.h"
#include "tests/differential/generator/form.h"

namespace btfd::tests {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::MemberSpec;
using btf::testing::ParamSpec;

struct Node {
  Kind kind;
  std::string name;
  std::vector<size_t> parts;
  uint32_t count = 0;
};

// Node 0 is an INT. Then come the structs, then the types through which they
// refer.
std::vector<Node> DrawNodes(Random* random) {
  std::vector<Node> nodes;
  nodes.push_back({Kind::kInt, "int", {}, 0});
  const uint32_t structs = random->Between(2, 6);
  for (uint32_t i = 0; i < structs; ++i) {
    const bool anonymous = random->Chance(15);
    nodes.push_back(
        {random->Chance(85) ? Kind::kStruct : Kind::kUnion,
         anonymous ? "" : "s" + std::to_string(random->Below(structs)),
         {},
         0});
  }
  auto any = [&] {
    return static_cast<size_t>(
        random->Below(static_cast<uint32_t>(nodes.size())));
  };
  const uint32_t wrappers = random->Between(2, 10);
  for (uint32_t i = 0; i < wrappers; ++i) {
    switch (random->Below(10)) {
      case 0:
      case 1:
        nodes.push_back({Kind::kArray, "", {any(), 0}, random->Between(1, 2)});
        break;
      case 2:
        nodes.push_back({Kind::kFuncProto, "", {any(), any()}, 0});
        break;
      case 3:
        nodes.push_back({Kind::kConst, "", {any()}, 0});
        break;
      case 4:
        nodes.push_back({Kind::kTypedef, "t", {any()}, 0});
        break;
      default:
        nodes.push_back({Kind::kPtr, "", {any()}, 0});
        break;
    }
  }
  for (uint32_t i = 1; i <= structs; ++i) {
    for (uint32_t m = random->Between(0, 4); m > 0; --m) {
      const size_t part = any();
      nodes[i].parts.push_back(part);
    }
  }
  return nodes;
}

struct Habits {
  uint32_t copies;   // in the split, at most
  uint32_t astray;   // percent of references to another copy
  uint32_t missing;  // percent of types that a copy takes from another one
  uint32_t forward;  // percent of structs that are only declared
  uint32_t changed;  // percent of structs with a member more
  bool shuffled;
};

using Table = std::vector<std::vector<TypeId>>;  // by copy, by node; 0: none

class Writer {
 public:
  Writer(Random* random, const std::vector<Node>& nodes, const Habits& habits)
      : random_(random), nodes_(nodes), habits_(habits) {}

  // Writes `copies` more copies, and returns the ids of all copies so far.
  void Write(uint32_t copies, BtfBuilder* builder) {
    std::vector<Entry> entries;
    for (uint32_t c = 0; c < copies; ++c) {
      for (size_t n = 0; n < nodes_.size(); ++n) {
        if (!ids_.empty() && random_->Chance(habits_.missing)) continue;
        entries.push_back({ids_.size(), n});
      }
      ids_.emplace_back(nodes_.size(), 0);
    }
    if (habits_.shuffled) {
      for (size_t i = entries.size(); i > 1; --i) {
        std::swap(entries[i - 1],
                  entries[random_->Below(static_cast<uint32_t>(i))]);
      }
    }
    for (size_t i = 0; i < entries.size(); ++i) {
      ids_[entries[i].copy][entries[i].node] =
          builder->next_id() + static_cast<TypeId>(i);
    }
    for (const Entry& entry : entries) WriteEntry(entry, builder);
  }

 private:
  struct Entry {
    size_t copy;
    size_t node;
  };

  TypeId Ref(size_t copy, size_t node) {
    if (ids_[copy][node] != 0 && !random_->Chance(habits_.astray)) {
      return ids_[copy][node];
    }
    for (int attempt = 0; attempt < 8; ++attempt) {
      const size_t other = random_->Below(static_cast<uint32_t>(ids_.size()));
      if (ids_[other][node] != 0) return ids_[other][node];
    }
    return ids_[0][node];  // the first copy is complete
  }

  void WriteEntry(const Entry& entry, BtfBuilder* b) {
    const Node& node = nodes_[entry.node];
    std::vector<TypeId> parts;
    for (const size_t part : node.parts) {
      parts.push_back(Ref(entry.copy, part));
    }
    switch (node.kind) {
      case Kind::kInt:
        b->Int(node.name, 4);
        return;
      case Kind::kStruct:
      case Kind::kUnion:
        WriteStruct(node, parts, b);
        return;
      case Kind::kArray:
        b->Array(parts[0], parts[1], node.count);
        return;
      case Kind::kFuncProto:
        b->Proto(parts[0], {ParamSpec{"p", parts[1]}});
        return;
      default:
        b->Raw(node.name, MakeInfo(node.kind, 0, false), parts[0]);
        return;
    }
  }

  void WriteStruct(const Node& node, const std::vector<TypeId>& parts,
                   BtfBuilder* b) {
    if (random_->Chance(habits_.forward)) {
      b->Fwd(node.name, node.kind == Kind::kUnion);
      return;
    }
    std::vector<MemberSpec> members;
    for (const TypeId part : parts) {
      const auto at = static_cast<uint32_t>(members.size());
      members.push_back({"m" + std::to_string(at), part, at * 64});
    }
    if (random_->Chance(habits_.changed)) members.push_back({"more", 0, 0});
    if (node.kind == Kind::kStruct) {
      b->Struct(node.name, 64, members);
    } else {
      b->Union(node.name, 64, members);
    }
  }

  Random* random_;
  const std::vector<Node>& nodes_;
  const Habits& habits_;
  Table ids_;
};

}  // namespace

GeneratedCase GenerateCopies(Random* random) {
  GeneratedCase out;
  const std::vector<Node> nodes = DrawNodes(random);
  Habits habits;
  habits.copies = random->Between(1, 5);
  habits.astray = random->Chance(80) ? random->Below(30) : 0;
  habits.missing = random->Chance(50) ? random->Below(50) : 0;
  habits.forward = random->Chance(30) ? random->Below(25) : 0;
  habits.changed = random->Chance(30) ? random->Below(15) : 0;
  habits.shuffled = random->Chance(60);
  Writer writer(random, nodes, habits);
  BtfBuilder base;
  out.has_base = !random->Chance(20);
  if (out.has_base) {
    DrawForm(random, &base);
    writer.Write(random->Between(1, 2), &base);
    out.base = base.Build();
  }
  BtfBuilder own;
  BtfBuilder over_base(base);
  BtfBuilder& split = out.has_base ? over_base : own;
  DrawForm(random, &split);
  writer.Write(habits.copies, &split);
  out.split = split.Build();
  return out;
}

}  // namespace btfd::tests
