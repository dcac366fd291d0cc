// SPDX-License-Identifier: Apache-2.0
#include "lib/engine/testing/kernel_rules.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace btfd::engine::testing {

namespace {

using btf::Kind;
using btf::MakeInfo;
using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::Name;

// Two builders that differ in one argument.
template <typename T, typename Make>
KernelRule Pair(std::string name, T refused, T taken, std::string words,
                Make make) {
  return {std::move(name), std::move(words),
          [=](BtfBuilder* b) { make(b, refused); },
          [=](BtfBuilder* b) { make(b, taken); }};
}

constexpr uint32_t kFlag = 1u << 31;

std::vector<KernelRule> InfoRules() {
  std::vector<KernelRule> rules;
  const auto raw = [](Kind kind, Name name, uint32_t third,
                      std::vector<uint32_t> tail) {
    return [=](BtfBuilder* b, uint32_t extra) {
      b->Raw(name, MakeInfo(kind, 0, false) | extra, third, tail);
    };
  };
  rules.push_back(Pair("IntVlen", 5u, 0u,
                       "type 2 (INT i): its vlen is 5, and this kind has none",
                       raw(Kind::kInt, "i", 4, {32})));
  rules.push_back(Pair("PtrVlen", 1u, 0u,
                       "type 2 (PTR): its vlen is 1, and this kind has none",
                       raw(Kind::kPtr, "", 1, {})));
  rules.push_back(Pair("FloatVlen", 1u, 0u,
                       "type 2 (FLOAT f): its vlen is 1, and this kind has "
                       "none",
                       raw(Kind::kFloat, "f", 8, {})));
  rules.push_back(
      Pair("DeclTagVlen", 1u, 0u,
           "type 2 (DECL_TAG t): its vlen is 1, and this kind has none",
           raw(Kind::kDeclTag, "t", 1, {~0u})));
  const std::string meaningless =
      "its kind flag is set, which means nothing "
      "here";
  const std::vector<
      std::pair<std::string, std::function<void(BtfBuilder*, uint32_t)>>>
      flagless = {
          {"INT i", raw(Kind::kInt, "i", 4, {32})},
          {"PTR", raw(Kind::kPtr, "", 1, {})},
          {"ARRAY", raw(Kind::kArray, "", 0, {1, 1, 1})},
          {"TYPEDEF t", raw(Kind::kTypedef, "t", 1, {})},
          {"CONST", raw(Kind::kConst, "", 1, {})},
          {"FUNC_PROTO", raw(Kind::kFuncProto, "", 1, {})},
          {"VAR v", raw(Kind::kVar, "v", 1, {1})},
          {"DATASEC .data", raw(Kind::kDatasec, ".data", 4, {})},
          {"FLOAT f", raw(Kind::kFloat, "f", 8, {})},
      };
  for (const auto& [kind, make] : flagless) {
    rules.push_back(
        Pair(absl::StrCat(kind.substr(0, 3), "Flag", rules.size()), kFlag, 0u,
             absl::StrCat("type 2 (", kind, "): ", meaningless), make));
  }
  return rules;
}

std::vector<KernelRule> NameRules() {
  std::vector<KernelRule> rules;
  const auto structure = [](BtfBuilder* b, Name name) { b->Struct(name, 4); };
  const std::string no_identifier = "): its name is no identifier";
  rules.push_back(Pair<Name>("Space", "a b", "a_b.c",
                             "type 2 (STRUCT a b" + no_identifier, structure));
  rules.push_back(Pair<Name>("Digit", "1st", "f1rst",
                             "type 2 (STRUCT 1st" + no_identifier, structure));
  rules.push_back(Pair<Name>("Arrow", "a->b", "_",
                             "type 2 (STRUCT a->b" + no_identifier, structure));
  // The kernel reads Latin-1: 0xd7 is a multiplication sign, 0xe9 an e.
  rules.push_back(Pair<Name>("Latin", "\xd7", "\xe9",
                             "type 2 (STRUCT \\xd7" + no_identifier,
                             structure));
  rules.push_back(
      Pair<Name>("Long", std::string(513, 'n'), std::string(512, 'n'),
                 absl::StrCat("type 2 (STRUCT ", std::string(64, 'n'),
                              "...): its name is longer than 512 bytes"),
                 structure));
  // A name at the end of the strings' first entry: there, and empty.
  rules.push_back(Pair<bool>(
      "EmptyAtAnOffset", true, false, "type 2 (STRUCT ): its name is empty",
      [](BtfBuilder* b, bool at_an_offset) {
        b->Struct(Name::At(at_an_offset ? b->String("int") + 3 : 0), 4);
      }));
  rules.push_back(
      Pair<Name>("Typedef", "", "t", "type 2 (TYPEDEF): its name is empty",
                 [](BtfBuilder* b, Name name) { b->Typedef(name, 1); }));
  rules.push_back(Pair<Name>("Fwd", "", "f", "type 2 (FWD): its name is empty",
                             [](BtfBuilder* b, Name name) { b->Fwd(name); }));
  rules.push_back(
      Pair<Name>("Func", "f(x)", "f.x", "type 3 (FUNC f(x)" + no_identifier,
                 [](BtfBuilder* b, Name name) { b->Func(name, b->Proto(0)); }));
  rules.push_back(
      Pair<Name>("Var", "", "v", "type 2 (VAR): its name is empty",
                 [](BtfBuilder* b, Name name) { b->Var(name, 1); }));
  rules.push_back(
      Pair<Name>("Section", "\tdata", ".data..percpu [x]",
                 "type 2 (DATASEC \\tdata): its name is not printable",
                 [](BtfBuilder* b, Name name) { b->Datasec(name, 4); }));
  rules.push_back(Pair<Name>(
      "NoSection", "", ".data", "type 2 (DATASEC): its name is empty",
      [](BtfBuilder* b, Name name) { b->Datasec(name, 4); }));
  rules.push_back(
      Pair<Name>("LongSection", std::string(513, '.'), std::string(512, '.'),
                 absl::StrCat("type 2 (DATASEC ", std::string(64, '.'),
                              "...): its name is longer than 512 bytes"),
                 [](BtfBuilder* b, Name name) { b->Datasec(name, 4); }));
  rules.push_back(Pair<Name>(
      "DeclTag", "", "any text, really", "type 2 (DECL_TAG): it has no text",
      [](BtfBuilder* b, Name name) { b->DeclTag(name, 1); }));
  rules.push_back(
      Pair<Name>("TypeTag", "", "user", "type 2 (TYPE_TAG): it has no text",
                 [](BtfBuilder* b, Name name) { b->TypeTag(name, 1); }));
  const std::string nameless = "it has a name, and this kind has none";
  const auto reference = [](Kind kind) {
    return [kind](BtfBuilder* b, Name name) {
      b->Raw(name, MakeInfo(kind, 0, false), 1);
    };
  };
  rules.push_back(Pair<Name>("Ptr", "p", "", "type 2 (PTR p): " + nameless,
                             reference(Kind::kPtr)));
  rules.push_back(Pair<Name>("Const", "p", "", "type 2 (CONST p): " + nameless,
                             reference(Kind::kConst)));
  rules.push_back(Pair<Name>("Volatile", "p", "",
                             "type 2 (VOLATILE p): " + nameless,
                             reference(Kind::kVolatile)));
  rules.push_back(Pair<Name>("Restrict", "p", "",
                             "type 2 (RESTRICT p): " + nameless,
                             reference(Kind::kRestrict)));
  rules.push_back(Pair<Name>("Proto", "p", "",
                             "type 2 (FUNC_PROTO p): " + nameless,
                             reference(Kind::kFuncProto)));
  return rules;
}

std::vector<KernelRule> NumberRules() {
  std::vector<KernelRule> rules;
  const auto integer = [](uint32_t bytes) {
    return [bytes](BtfBuilder* b, uint32_t word) {
      b->Raw("i", MakeInfo(Kind::kInt, 0, false), bytes, {word});
    };
  };
  rules.push_back(Pair("IntTopBits", 0x10000020u, 0x01000020u,
                       "type 2 (INT i): its description has bits set without "
                       "a meaning: 0x10000000",
                       integer(4)));
  rules.push_back(Pair("IntWidth", 129u, 128u,
                       "type 2 (INT i): it ends at bit 129, and the widest "
                       "integer has 128",
                       integer(32)));
  rules.push_back(Pair("IntBits", 33u, 32u,
                       "type 2 (INT i): it ends at bit 33, and its size is 4 "
                       "bytes",
                       integer(4)));
  rules.push_back(Pair("IntOffset", 0x00080020u, 0x00080018u,
                       "type 2 (INT i): it ends at bit 40, and its size is 4 "
                       "bytes",
                       integer(4)));
  const std::string encoding =
      ", and must be none or one of signed (1), char (2) and bool (4)";
  rules.push_back(Pair("IntTwoEncodings", 0x03000008u, 0x02000008u,
                       "type 2 (INT i): its encoding is 3" + encoding,
                       integer(1)));
  rules.push_back(Pair("IntEncoding", 0x08000008u, 0x04000008u,
                       "type 2 (INT i): its encoding is 8" + encoding,
                       integer(1)));
  rules.push_back(
      Pair("Float", 6u, 12u,
           "type 2 (FLOAT f): its size is 6, and not 2, 4, 8, 12 or 16 bytes",
           [](BtfBuilder* b, uint32_t size) { b->Float("f", size); }));
  for (Kind kind : {Kind::kEnum, Kind::kEnum64}) {
    const std::string text = kind == Kind::kEnum ? "ENUM" : "ENUM64";
    const std::string size =
        absl::StrCat("type 2 (", text, " e): its size is ");
    const auto of_size = [kind](BtfBuilder* b, uint32_t bytes) {
      b->Raw("e", MakeInfo(kind, 0, false), bytes);
    };
    rules.push_back(Pair(text + "None", 0u, 1u,
                         size + "0, and not 1, 2, 4 or 8 bytes", of_size));
    rules.push_back(Pair(text + "Odd", 3u, 2u,
                         size + "3, and not 1, 2, 4 or 8 bytes", of_size));
    rules.push_back(Pair(text + "Large", 16u, 8u,
                         size + "16, and not 1, 2, 4 or 8 bytes", of_size));
    rules.push_back(Pair<Name>(
        text + "Value", "", "A",
        absl::StrCat("type 2 (", text, " e): member 1: its name is empty"),
        [kind](BtfBuilder* b, Name name) {
          if (kind == Kind::kEnum) {
            b->Enum("e", 4, {{"Z", 0}, {name, 1}});
          } else {
            b->Enum64("e", 8, {{"Z", 0}, {name, 1}});
          }
        }));
    rules.push_back(Pair<Name>(
        text + "ValueName", "A-B", "A_B",
        absl::StrCat("type 2 (", text,
                     " e): member 0 (A-B): its name is no identifier"),
        [kind](BtfBuilder* b, Name name) {
          if (kind == Kind::kEnum) {
            b->Enum("e", 4, {{name, 0}});
          } else {
            b->Enum64("e", 8, {{name, 0}});
          }
        }));
  }
  return rules;
}

std::vector<KernelRule> CompositeRules() {
  std::vector<KernelRule> rules;
  rules.push_back(Pair(
      "ArrayWord", 1u, 0u, "type 2 (ARRAY): its last word is 1, and must be 0",
      [](BtfBuilder* b, uint32_t word) {
        b->Raw("", MakeInfo(Kind::kArray, 0, false), word, {1, 1, 4});
      }));
  rules.push_back(Pair<TypeId>(
      "ArrayElement", 0, 1, "type 2 (ARRAY): its elements are void",
      [](BtfBuilder* b, TypeId id) { b->Array(id, 1, 4); }));
  rules.push_back(
      Pair<TypeId>("ArrayIndex", 0, 1, "type 2 (ARRAY): its index is void",
                   [](BtfBuilder* b, TypeId id) { b->Array(1, id, 4); }));
  rules.push_back(Pair<Name>("MemberName", "a b", "",
                             "type 2 (STRUCT s): member 1 (a b): its name is "
                             "no identifier",
                             [](BtfBuilder* b, Name name) {
                               b->Struct("s", 8, {{"a", 1, 0}, {name, 1, 32}});
                             }));
  rules.push_back(Pair<TypeId>("MemberVoid", 0, 1,
                               "type 2 (STRUCT s): member 0 (a): it is void",
                               [](BtfBuilder* b, TypeId id) {
                                 b->Struct("s", 8, {{"a", id, 0}});
                               }));
  rules.push_back(Pair(
      "MemberOrder", 31u, 32u,
      "type 2 (STRUCT s): member 1 (b): it is at bit 31, before the member "
      "before it",
      [](BtfBuilder* b, uint32_t bit) {
        b->Struct("s", 8, {{"a", 1, 32}, {"b", 1, bit}});
      }));
  // A member may start where the struct ends, as an array without a length
  // does; whether the others lie within it nobody asks.
  rules.push_back(Pair("MemberBehind", 65u, 64u,
                       "type 2 (STRUCT s): member 0 (a): it is at bit 65, "
                       "behind the 8 bytes of the type",
                       [](BtfBuilder* b, uint32_t bit) {
                         b->Struct("s", 8, {{"a", 1, bit}});
                       }));
  rules.push_back(Pair("BitfieldBehind", 65u, 63u,
                       "type 2 (STRUCT s): member 0 (a): it is at bit 65, "
                       "behind the 8 bytes of the type",
                       [](BtfBuilder* b, uint32_t bit) {
                         b->Struct("s", 8, {{"a", 1, bit, 1}});
                       }));
  rules.push_back(Pair("UnionOffset", 8u, 0u,
                       "type 2 (UNION u): member 1 (b): it is at bit 8, and a "
                       "union's members are at 0",
                       [](BtfBuilder* b, uint32_t bit) {
                         b->Union("u", 8, {{"a", 1, 0}, {"b", 1, bit}});
                       }));
  rules.push_back(Pair("FwdWord", 1u, 0u,
                       "type 2 (FWD f): its last word is 1, and must be 0",
                       [](BtfBuilder* b, uint32_t word) {
                         b->Raw("f", MakeInfo(Kind::kFwd, 0, true), word);
                       }));
  const std::string linkage = ", and must be static (0) or global (1)";
  rules.push_back(
      Pair("FuncLinkage", 2u, 1u, "type 3 (FUNC f): its linkage is 2" + linkage,
           [](BtfBuilder* b, uint32_t l) { b->Func("f", b->Proto(0), l); }));
  rules.push_back(Pair("VarLinkage", 2u, 0u,
                       "type 2 (VAR v): its linkage is 2" + linkage,
                       [](BtfBuilder* b, uint32_t l) { b->Var("v", 1, l); }));
  rules.push_back(
      Pair<TypeId>("VarVoid", 0, 1, "type 2 (VAR v): it is void",
                   [](BtfBuilder* b, TypeId id) { b->Var("v", id); }));
  rules.push_back(Pair<int32_t>(
      "Component", -2, -1,
      "type 2 (DECL_TAG t): its component index is -2, and the least one is -1",
      [](BtfBuilder* b, int32_t i) { b->DeclTag("t", 1, i); }));
  rules.push_back(Pair<TypeId>(
      "ReturnType", 1, 0,
      "type 2 (FUNC_PROTO): it returns type 3, beyond the last type",
      [](BtfBuilder* b, TypeId ahead) { b->Proto(b->next_id() + ahead); }));
  rules.back().kernel_takes_it = true;
  return rules;
}

std::vector<KernelRule> SectionRules() {
  std::vector<KernelRule> rules;
  rules.push_back(
      Pair("DatasecSize", 0u, 1u, "type 2 (DATASEC .data): its size is 0",
           [](BtfBuilder* b, uint32_t size) { b->Datasec(".data", size); }));
  const auto section = [](std::vector<btf::SectionVar> vars) {
    return [=](BtfBuilder* b) {
      b->Var("v", 1);
      b->Datasec(".data", 16, vars);
    };
  };
  const std::string variable = "type 3 (DATASEC .data): variable 1: ";
  const auto fine = section({{2, 0, 8}, {2, 8, 8}});
  rules.push_back({"VarVoid", variable + "it is void",
                   section({{2, 0, 8}, {0, 8, 8}}), fine});
  rules.push_back({"VarOverlap",
                   variable + "it is at offset 7, within the one before it",
                   section({{2, 0, 8}, {2, 7, 8}}), fine});
  rules.push_back({"VarEmpty", variable + "its size is 0",
                   section({{2, 0, 8}, {2, 8, 0}}), fine});
  rules.push_back({"VarBehind",
                   variable + "it is at offset 8 + 9, behind the 16 bytes of "
                              "the section",
                   section({{2, 0, 8}, {2, 8, 9}}), fine});
  rules.push_back({"VarFarBehind",
                   variable + "it is at offset 4294967295 + 2, behind the 16 "
                              "bytes of the section",
                   section({{2, 0, 8}, {2, ~0u, 2}}), fine});
  return rules;
}

}  // namespace

std::vector<KernelRule> AllKernelRules() {
  std::vector<KernelRule> all;
  for (auto [group, rules] : {std::make_pair("Info", InfoRules()),
                              std::make_pair("Name", NameRules()),
                              std::make_pair("Number", NumberRules()),
                              std::make_pair("Composite", CompositeRules()),
                              std::make_pair("Section", SectionRules())}) {
    for (KernelRule& rule : rules) {
      rule.name = absl::StrCat(group, rule.name);
      all.push_back(std::move(rule));
    }
  }
  return all;
}

}  // namespace btfd::engine::testing
