// SPDX-License-Identifier: Apache-2.0
#include "tests/core/random_program.h"

#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/btf/kinds.h"
#include "lib/core/relocation.h"
#include "lib/core/testing/program_builder.h"
#include "lib/elf/testing/elf_builder.h"

namespace btfd::tests {

namespace {

using btf::Kind;
using btf::TypeId;
using btf::TypeRecord;
using core::RelocationKind;

constexpr RelocationKind kFieldKinds[] = {
    RelocationKind::kFieldByteOffset, RelocationKind::kFieldByteSize,
    RelocationKind::kFieldExists, RelocationKind::kFieldSigned};

class Generator {
 public:
  Generator(const btf::Btf& source, uint32_t seed,
            const RandomProgramOptions& options)
      : source_(source), options_(options), random_(seed) {}

  RandomProgram Make();

 private:
  // True one time in `n`.
  bool OneIn(uint32_t n) { return random_() % n == 0; }
  std::vector<TypeId> Choose();
  std::string NameOf(TypeId id);
  TypeId Strip(TypeId id) const;
  // A type of the program that libbpf takes for that of a member.
  TypeId Standing(TypeId id);
  void AskComposite(TypeId id);
  void AskEnum(TypeId id);
  void AskType(TypeId local);

  const btf::Btf& source_;
  const RandomProgramOptions options_;
  std::mt19937 random_;
  core::testing::ProgramBuilder program_;
  TypeId int_ = 0;
};

TypeId Generator::Strip(TypeId id) const {
  while (btf::IsModifier(source_.type(id).kind())) {
    id = source_.type(id).size_or_type;
  }
  return id;
}

std::vector<TypeId> Generator::Choose() {
  std::map<std::pair<Kind, std::string>, int> count;
  const auto key = [this](TypeId id) {
    Kind kind = source_.type(id).kind();
    if (kind == Kind::kEnum64) kind = Kind::kEnum;
    return std::make_pair(kind, std::string(source_.name(id)));
  };
  for (TypeId id = 1; id < source_.end_id(); ++id) ++count[key(id)];
  std::vector<TypeId> unique;
  for (TypeId id = source_.first_id(); id < source_.end_id(); ++id) {
    const Kind kind = source_.type(id).kind();
    const bool wanted = btf::IsComposite(kind) || btf::IsAnyEnum(kind) ||
                        kind == Kind::kTypedef || kind == Kind::kInt;
    if (wanted && *source_.name(id) != '\0' && count[key(id)] == 1) {
      unique.push_back(id);
    }
  }
  std::vector<TypeId> chosen;
  while (chosen.size() < options_.types && !unique.empty()) {
    const size_t i = random_() % unique.size();
    chosen.push_back(unique[i]);
    unique[i] = unique.back();
    unique.pop_back();
  }
  return chosen;
}

std::string Generator::NameOf(TypeId id) {
  return OneIn(4) ? absl::StrCat(source_.name(id), "___", random_() % 100)
                  : std::string(source_.name(id));
}

TypeId Generator::Standing(TypeId id) {
  id = Strip(id);
  const TypeRecord& type = source_.type(id);
  switch (type.kind()) {
    case Kind::kPtr:
      return program_.types.Ptr(0);
    case Kind::kStruct:
    case Kind::kUnion:
      return program_.types.Struct("", 4, {{"x", int_, 0}});
    case Kind::kEnum:
      return program_.types.Enum(source_.name(id), 4, {{"x", 1}});
    case Kind::kEnum64:
      return program_.types.Enum64(source_.name(id), 8, {{"x", 1}});
    case Kind::kFloat:
      return program_.types.Float("double", 8);
    case Kind::kArray: {
      const TypeId element = Standing(type.array().element);
      return program_.types.Array(element, int_, 1 + random_() % 4);
    }
    default:
      return int_;
  }
}

void Generator::AskType(TypeId local) {
  program_.Relocate(local, "0", RelocationKind::kTypeSize);
  program_.Relocate(local, "0", RelocationKind::kTypeExists);
  if (OneIn(2)) program_.Relocate(local, "0", RelocationKind::kTypeIdTarget);
  if (OneIn(4)) program_.Relocate(local, "0", RelocationKind::kTypeIdLocal);
}

void Generator::AskComposite(TypeId id) {
  std::vector<btf::testing::MemberSpec> members;
  std::vector<bool> is_array;
  std::set<std::string> names;
  const TypeRecord& type = source_.type(id);
  for (uint32_t i = 0; i < type.vlen() && members.size() < 6; ++i) {
    const btf::Member* member = &type.members()[i];
    // Of an anonymous struct or union, one of its members.
    for (int depth = 0; depth < 8 && *source_.string(member->name_off) == '\0';
         ++depth) {
      const TypeRecord& inner = source_.type(Strip(member->type));
      if (!btf::IsComposite(inner.kind()) || inner.vlen() == 0) break;
      member = &inner.members()[random_() % inner.vlen()];
    }
    std::string name = source_.string(member->name_off);
    if (name.empty() || OneIn(3)) continue;
    if (OneIn(12)) name += "_none";
    if (!names.insert(name).second) continue;
    const TypeId standing =
        OneIn(12) ? program_.types.Float("float", 4) : Standing(member->type);
    is_array.push_back(program_.types.type(standing).kind() == Kind::kArray);
    members.push_back({name, standing, static_cast<uint32_t>(64 * i)});
  }
  const auto size = static_cast<uint32_t>(8 * (type.vlen() + 4));
  const std::string name = NameOf(id);
  const TypeId local = type.kind() == Kind::kStruct
                           ? program_.types.Struct(name, size, members)
                           : program_.types.Union(name, size, members);
  for (size_t i = 0; i < members.size(); ++i) {
    for (const RelocationKind kind : kFieldKinds) {
      if (OneIn(2)) program_.Relocate(local, absl::StrCat("0:", i), kind);
    }
    if (is_array[i]) {
      program_.Relocate(local, absl::StrCat("0:", i, ":0"),
                        RelocationKind::kFieldByteOffset);
    }
  }
  if (OneIn(3)) AskType(local);
  if (options_.matches && OneIn(3)) {
    const TypeId bare = type.kind() == Kind::kStruct
                            ? program_.types.Struct(name, size)
                            : program_.types.Union(name, size);
    program_.Relocate(bare, "0", RelocationKind::kTypeMatches);
  }
}

void Generator::AskEnum(TypeId id) {
  const TypeRecord& type = source_.type(id);
  std::vector<btf::testing::EnumSpec> values;
  for (uint32_t i = 0; i < type.vlen() && values.size() < 5; ++i) {
    const uint32_t name = type.kind() == Kind::kEnum
                              ? type.enumerators()[i].name_off
                              : type.enumerators64()[i].name_off;
    if (OneIn(2)) continue;
    values.push_back({absl::StrCat(source_.string(name), OneIn(6) ? "_n" : ""),
                      static_cast<int64_t>(100 + i)});
  }
  const TypeId local = program_.types.Enum(NameOf(id), 4, values);
  for (size_t i = 0; i < values.size(); ++i) {
    program_.Relocate(local, absl::StrCat(i), RelocationKind::kEnumValueExists);
    program_.Relocate(local, absl::StrCat(i), RelocationKind::kEnumValue);
  }
  AskType(local);
}

RandomProgram Generator::Make() {
  int_ = program_.types.Int("int", 4);
  for (const TypeId id : Choose()) {
    const Kind kind = source_.type(id).kind();
    if (btf::IsComposite(kind)) {
      AskComposite(id);
    } else if (btf::IsAnyEnum(kind)) {
      AskEnum(id);
    } else if (kind == Kind::kTypedef) {
      AskType(program_.types.Typedef(NameOf(id), Standing(id)));
    } else {
      AskType(program_.types.Int(source_.name(id), 4));
    }
  }
  return {program_.types.Build(), program_.Ext()};
}

}  // namespace

std::string RandomProgram::Object() const {
  elf::ElfBuilder elf;
  elf.AddSection(".BTF", btf);
  elf.AddSection(".BTF.ext", btf_ext);
  return elf.Build();
}

RandomProgram MakeRandomProgram(const btf::Btf& source, uint32_t seed,
                                const RandomProgramOptions& options) {
  return Generator(source, seed, options).Make();
}

}  // namespace btfd::tests
