// SPDX-License-Identifier: Apache-2.0
//
// What the encoder keeps of one unit: its types, functions and variables in
// flat arrays, in the order in which the processing of their DIEs ended. That
// is pahole's order: what is nested in a DIE comes before it. The index of a
// type is its core id; 0 is void.
//
// References are offsets of DIEs at first, and indexes once Resolve() ran. The
// arrays are used again for each unit, and so keep their memory.
#ifndef BTFD_LIB_ENCODE_UNIT_GRAPH_H_
#define BTFD_LIB_ENCODE_UNIT_GRAPH_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/dwarf/unit.h"
#include "lib/encode/names.h"

namespace btfd::encode {

// In a name that the loader left, see open_names.h.
inline constexpr NameId kOtherText = 0x80000000;

// Where a DIE is, counted from UnitGraph::origin.
using DieOffset = uint32_t;
inline constexpr DieOffset kNoDie = 0xffffffff;

enum class TypeKind : uint8_t {
  kVoid,  // index 0
  kBase,
  kPointer,
  kConst,
  kVolatile,
  kRestrict,
  kTypedef,
  kStruct,
  kUnion,
  kEnum,
  kArray,
  kSubroutine,
  kTypeTag,
  kUnspecified,  // nested in another DIE: takes an index and makes no type
  kUnsupported,  // makes the run fail; `size` is its tag
};

struct TypeNode {
  DieOffset die = kNoDie;
  NameId name = 0;
  uint32_t target = 0;  // type, element, return type; enum: underlying type
  uint32_t first = 0;   // of members, enumerators, parameters or dimensions
  uint32_t count = 0;
  uint32_t size = 0;  // DW_AT_byte_size
  TypeKind kind = TypeKind::kVoid;
  uint8_t encoding = 0;       // of a base type
  bool declaration = false;   // of struct, union, enum
  bool is_class = false;      // DW_TAG_class_type: kStruct without decl tags
  bool varargs = false;       // of a subroutine type
  bool has_size = false;      // DW_AT_byte_size is there
  bool open_members = false;  // their names are, see open_names.h
};

inline bool HasMembers(const TypeNode& node) {
  return node.kind == TypeKind::kStruct || node.kind == TypeKind::kUnion;
}

// A struct, union or enum with a name.
inline bool IsNamed(const TypeNode& node) {
  return node.name != 0 && (HasMembers(node) || node.kind == TypeKind::kEnum);
}

struct MemberNode {
  NameId name = 0;
  uint32_t target = 0;
  uint32_t bit_offset = 0;
  uint8_t bit_size = 0;
  bool has_layout = false;  // a struct's member that is not static
};

struct EnumeratorNode {
  NameId name = 0;
  uint64_t value = 0;
};

// What is known of where a parameter is passed. See functions.cc.
struct ParameterFacts {
  bool has_location = false;
  bool has_const_value = false;
  bool const_location = false;
  bool on_stack = false;
  bool in_memory = false;
  bool optimized = false;
  bool unexpected = false;
  int16_t reg = -1;
  uint16_t size = 0;
};

struct ParameterNode {
  DieOffset die = kNoDie;
  NameId name = 0;
  uint32_t target = 0;
  DieOffset origin = kNoDie;
  bool has_type = false;
  uint8_t index = 0;  // among the formal parameters of its DIE, modulo 256
  dwarf::Value location;
  ParameterFacts facts;
};

struct FunctionNode {
  DieOffset die = kNoDie;
  NameId name = 0;
  uint32_t target = 0;  // return type
  DieOffset origin = kNoDie;
  DieOffset specification = kNoDie;
  uint64_t address = 0;
  uint32_t first = 0;  // of parameters
  uint32_t count = 0;
  uint32_t unit = 0;  // which of those that the graph is of
  bool has_type = false;
  bool declaration = false;
  bool external = false;
  bool inlined = false;
  bool varargs = false;
  bool nocall = false;  // calling convention
  // Found by the analysis of its parameters.
  bool optimized = false;
  bool unexpected = false;
  bool reordered = false;
  bool signature_changed = false;
};

struct VariableNode {
  DieOffset die = kNoDie;
  NameId name = 0;
  uint32_t target = 0;
  DieOffset specification = kNoDie;
  DieOffset origin = kNoDie;  // of a function's own variable
  uint64_t address = 0;
  bool external = false;
  bool declaration = false;
  bool artificial = false;
  bool top_level = false;
  bool is_global = false;  // its place is an address
};

enum class TagOwner : uint8_t { kType, kFunction, kVariable };

struct DeclTagNode {
  TagOwner owner_kind = TagOwner::kType;
  uint32_t owner = 0;
  NameId value = 0;
  int32_t component = -1;
};

// A bitfield that says its place by the old DW_AT_bit_offset, which takes the
// size of its type to understand.
struct OldBitfield {
  uint32_t member = 0;
  uint64_t bit_offset = 0;
  uint32_t byte_size = 0;  // 0: that of the type
};

// A map from offsets of DIEs to indexes. It has a place for kGrain offsets, not
// for each: a map that fits the processor's cache took a twentieth off the run.
// DIEs of kGrain bytes and more have different places; for shorter ones
// (`const void` without attributes is one byte) there is a table beside it. The
// places are never cleared: who looks up checks that what is found has the
// offset.
class DieMap {
 public:
  static constexpr uint32_t kNotFound = 0xffffffff;
  static constexpr uint32_t kGrain = 4;

  void Reserve(size_t offsets) {
    const size_t places = offsets / kGrain + 1;
    if (map_.size() < places) map_.resize(places);
  }
  void Clear() {
    short_.clear();
    short_filter_ = 0;
  }
  // That a DIE has so many bytes, before it is set.
  void NoteSize(DieOffset die, uint64_t bytes) {
    if (bytes >= kGrain) return;
    short_.try_emplace(die, kNotFound);
    short_filter_ |= FilterBit(die);
  }
  void Set(DieOffset die, uint32_t index) {
    if ((short_filter_ & FilterBit(die)) != 0) {
      const auto found = short_.find(die);
      if (found != short_.end()) {
        found->second = index;
        return;
      }
    }
    map_[die / kGrain] = index;
  }
  template <typename Node>
  uint32_t Find(DieOffset die, const std::vector<Node>& nodes) const {
    if (die / kGrain >= map_.size()) return kNotFound;
    const uint32_t index = map_[die / kGrain];
    if (index < nodes.size() && nodes[index].die == die) return index;
    if ((short_filter_ & FilterBit(die)) == 0) return kNotFound;
    const auto found = short_.find(die);
    if (found == short_.end()) return kNotFound;
    const uint32_t of_short = found->second;
    return of_short < nodes.size() && nodes[of_short].die == die ? of_short
                                                                 : kNotFound;
  }

 private:
  static uint64_t FilterBit(DieOffset die) {
    return uint64_t{1} << (die / kGrain % 64);
  }

  std::vector<uint32_t> map_;
  absl::flat_hash_map<DieOffset, uint32_t> short_;
  uint64_t short_filter_ = 0;  // of some in short_ these bits are set
};

struct UnitGraph {
  uint64_t origin = 0;      // what DieOffset counts from, in .debug_info
  uint32_t unit_count = 0;  // loaded so far; more than one only when merged
  std::vector<TypeNode> types;
  std::vector<MemberNode> members;
  std::vector<EnumeratorNode> enumerators;
  std::vector<ParameterNode> parameters;  // of subroutine types and functions
  std::vector<uint32_t> dimensions;
  std::vector<FunctionNode> functions;
  std::vector<VariableNode> variables;
  std::vector<DeclTagNode> decl_tags;
  std::vector<OldBitfield> old_bitfields;
  std::vector<dwarf::Value> other_texts;
  std::vector<NameId*> listed_names;  // of FinishNames() alone
  // Of all four kinds: a DIE is of one.
  DieMap map;

  void Clear() {
    unit_count = 0;
    types.clear();
    types.emplace_back();  // void
    members.clear();
    enumerators.clear();
    parameters.clear();
    dimensions.clear();
    functions.clear();
    variables.clear();
    decl_tags.clear();
    old_bitfields.clear();
    other_texts.clear();
    map.Clear();
  }
};

// The name of a member or an enumerator of `node`.
inline NameId* MemberName(const TypeNode& node, uint32_t index,
                          UnitGraph* graph) {
  const uint32_t at = node.first + index;
  return node.kind == TypeKind::kEnum ? &graph->enumerators[at].name
                                      : &graph->members[at].name;
}

}  // namespace btfd::encode

#endif  // BTFD_LIB_ENCODE_UNIT_GRAPH_H_
