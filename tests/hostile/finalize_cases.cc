// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/finalize_cases.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/btf/testing/builder.h"
#include "lib/engine/testing/ids_builder.h"
#include "tests/hostile/colliding_text.h"
#include "tests/support/profile_steps.h"

namespace btfd::tests {

namespace {

using btf::Kind;
using btf::MakeInfo;
using btf::TypeId;
using btf::testing::BtfBuilder;
using btf::testing::MemberSpec;
using btf::testing::Name;
using btf::testing::ParamSpec;
using engine::testing::IdsBuilder;

constexpr uint32_t kImplicitArgs = 1u << 16;  // KF_IMPLICIT_ARGS

void FillSmallBase(BtfBuilder* base) {
  base->Int("int", 4);
  base->Struct("base_struct", 8, {{"a", 1, 0}, {"b", 1, 32}});
  base->Ptr(2);
}
constexpr TypeId kInt = 1;

HostileModule Module(const BtfBuilder& split) {
  HostileModule module;
  module.btf = split.Build();
  module.steps = StepsForProfile("7.3", /*distill=*/true);
  return module;
}

// A chain of `n` references of one kind, which ends in an INT.
HostileModule Chain(Kind kind, uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  const Name name = kind == Kind::kTypedef ? Name("t") : Name("");
  for (uint32_t i = 0; i < n; ++i) {
    split.Raw(name, MakeInfo(kind, 0, false),
              i == 0 ? kInt : split.next_id() - 1);
  }
  return Module(split);
}
HostileModule Pointers(uint32_t n) { return Chain(Kind::kPtr, n); }
HostileModule Consts(uint32_t n) { return Chain(Kind::kConst, n); }
HostileModule Typedefs(uint32_t n) { return Chain(Kind::kTypedef, n); }

HostileModule Arrays(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) {
    split.Array(i == 0 ? kInt : split.next_id() - 1, kInt, 2);
  }
  return Module(split);
}

// Structs nested in each other, all of one name and form.
HostileModule NestedStructs(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) {
    const TypeId inner = i == 0 ? kInt : split.next_id() - 1;
    split.Struct("nested", 8, {{"inner", inner, 0}});
  }
  return Module(split);
}

// Two chains of references that differ in one type. libbpf walks them anew for
// each contradiction.
HostileModule ChainsThatContradict(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  TypeId chains[2];
  for (TypeId& chain : chains) {
    for (uint32_t i = 0; i < n; ++i) {
      chain = split.Const(i == 0 ? kInt : split.next_id() - 1);
    }
  }
  for (uint32_t i = 0; i < n; ++i) {
    split.Struct("holder", 16, {{"a", chains[0], 0}, {"b", chains[i % 2], 64}});
  }
  return Module(split);
}

HostileModule TypedefCycle(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  const TypeId first = split.next_id();
  for (uint32_t copy = 0; copy < 2; ++copy) {
    for (uint32_t i = 0; i < n; ++i) {
      const bool last = i + 1 == n;
      split.Const(last ? first + copy * n : split.next_id() + 1);
    }
  }
  split.Struct("a", 8, {{"m", first, 0}});
  split.Struct("a", 8, {{"m", first + n, 0}});
  return Module(split);
}

// Structs of one name and form. Each differs from the others three references
// away.
HostileModule TwinsThatDifferDeepDown(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) {
    const TypeId leaf = split.Struct(absl::StrCat("leaf", i), 4 + i);
    const TypeId middle =
        split.Struct("middle", 8, {{"leaf", split.Ptr(leaf), 0}});
    split.Struct("twin", 8, {{"middle", split.Ptr(middle), 0}});
  }
  return Module(split);
}

// The same, but each comparison walks all types.
HostileModule TwinsOverOneLongList(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  constexpr uint32_t kLength = 100;
  for (uint32_t i = 0; i < n / kLength; ++i) {
    TypeId next = split.Struct(absl::StrCat("end", i), 4 + i);
    for (uint32_t j = 0; j < kLength; ++j) {
      const TypeId pointer = split.Ptr(next);
      next = split.Struct("link", 8, {{"next", pointer, 0}});
    }
  }
  return Module(split);
}

HostileModule TwinsThatDifferInTheLastMember(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) {
    split.Struct("twin", 8,
                 {{"same", kInt, 0}, {absl::StrCat("m", i), kInt, 32}});
  }
  return Module(split);
}

// Structs of 65,535 members each. They differ only in what the last member
// points to.
HostileModule HugeStructs(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  constexpr uint32_t kMembers = 65535;
  for (uint32_t copy = 0; copy < std::max(1u, n / kMembers); ++copy) {
    const TypeId leaf = split.Struct(absl::StrCat("leaf", copy), copy);
    const TypeId middle =
        split.Struct("middle", 8, {{"leaf", split.Ptr(leaf), 0}});
    const TypeId pointer = split.Ptr(middle);
    std::vector<MemberSpec> members(kMembers, {Name("m"), kInt, 0});
    members.back().type = pointer;
    split.Struct("huge", 1u << 20, members);
  }
  return Module(split);
}

HostileModule AnonymousEnums(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) split.Enum("", 4, {{"A", i}});
  return Module(split);
}

// For upstream, each full enum replaces each empty one of its name.
HostileModule EmptyAndFullEnums(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  for (uint32_t i = 0; i < n; ++i) base.Enum("e", i % 4096);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) split.Enum("e", 4, {{"A", i}});
  HostileModule module = Module(split);
  module.base = base.Build();
  return module;
}

HostileModule CollidingNames(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) split.Fwd(CollidingText(i));
  return Module(split);
}

// Functions in a set, and in tables of functions and of symbols.
HostileModule CollidingKfuncs(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  const TypeId proto = split.Proto(kInt);
  IdsBuilder ids;
  ids.BeginSet8("kfuncs", 1);
  for (uint32_t i = 0; i < n; ++i) {
    split.Func(CollidingText(i), proto);
    ids.Entry("func", CollidingText(i), kImplicitArgs);
  }
  ids.EndSet();
  HostileModule module = Module(split);
  module.ids = ids.Build();
  return module;
}

// Texts that collide in the hash of lib/engine/distill/new_strings.cc, if that
// hash starts from a known number: their second half cancels their first one.
HostileModule TextsThatUndoTheirHash(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) split.Fwd(SelfUndoingText(i));
  return Module(split);
}

HostileModule DuplicatedStrings(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  split.ShareStrings(false);
  for (uint32_t i = 0; i < n; ++i) split.Typedef("the_same", kInt);
  return Module(split);
}

HostileModule OneCharacterStrings(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  for (uint32_t i = 0; i < n; ++i) split.raw_strings() += std::string("x\0", 2);
  split.Typedef(Name::At(split.string_end() - 2), kInt);
  return Module(split);
}

// One text as long as all others together, and a type for each of its ends.
HostileModule SharedEnds(uint32_t n, bool only_sort) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  const uint32_t text = split.AppendString(std::string(12 * n, 'x'));
  for (uint32_t i = 0; i < n; ++i) split.Typedef(Name::At(text + i), kInt);
  HostileModule module = Module(split);
  if (only_sort) module.steps = StepsForProfile("7.2", false);
  return module;
}
HostileModule SharedEndsSorted(uint32_t n) { return SharedEnds(n, true); }
HostileModule SharedEndsDeduped(uint32_t n) { return SharedEnds(n, false); }

// ---- .BTF_ids

HostileModule UnresolvedSymbols(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  split.Ptr(kInt);
  IdsBuilder ids;
  for (uint32_t i = 0; i < n; ++i) ids.Single("func", absl::StrCat("f", i));
  HostileModule module = Module(split);
  module.ids = ids.Build();
  return module;
}

// Sets that each cover the whole section.
HostileModule OverlappingSets(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  split.Ptr(kInt);
  IdsBuilder ids;
  for (uint32_t i = 0; i < 4 * n; ++i) ids.Word(1);
  for (uint32_t i = 0; i < n; ++i) {
    ids.Symbol(absl::StrCat("__BTF_ID__set8__s", i), 8 * i, 8 * n);
  }
  HostileModule module = Module(split);
  module.ids = ids.Build();
  return module;
}

HostileModule HugeClaimedSet(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  split.Ptr(kInt);
  IdsBuilder ids;
  for (uint32_t i = 0; i < n; ++i) ids.Word(1);
  ids.Symbol("__BTF_ID__set8__huge", 0, uint64_t{8} << 29);
  HostileModule module = Module(split);
  module.ids = ids.Build();
  return module;
}

// Kfuncs with implicit arguments that share one long prototype. Each of them
// gets a copy of it.
HostileModule SharedPrototype(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  const uint32_t count = std::min(n, 65535u);
  const TypeId proto =
      split.Proto(kInt, std::vector<ParamSpec>(count, {Name("p"), kInt}));
  IdsBuilder ids;
  ids.BeginSet8("kfuncs", 1);
  for (uint32_t i = 0; i < n; ++i) {
    const std::string name = absl::StrCat("kf", i);
    split.Func(name, proto);
    ids.Entry("func", name, kImplicitArgs);
  }
  ids.EndSet();
  HostileModule module = Module(split);
  module.ids = ids.Build();
  return module;
}

// Kfuncs by decl tags. Each is searched for in each of as many sets.
HostileModule TagsTimesSets(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  const TypeId proto = split.Proto(kInt);
  IdsBuilder ids;
  for (uint32_t i = 0; i < n; ++i) {
    const std::string name = absl::StrCat("kf", i);
    split.DeclTag("bpf_kfunc", split.Func(name, proto));
    ids.Single("func", name);
    ids.BeginSet8(absl::StrCat("s", i)).EndSet();
  }
  HostileModule module = Module(split);
  module.steps = StepsForProfile("7.2", true);
  module.ids = ids.Build();
  return module;
}

// Parameters whose types are long chains of qualifiers.
HostileModule QualifiedParams(uint32_t n) {
  BtfBuilder base;
  FillSmallBase(&base);
  BtfBuilder split(base);
  TypeId chain = kInt;
  for (uint32_t i = 0; i < n; ++i) chain = split.Const(chain);
  const uint32_t count = std::min(n, 65535u);
  const TypeId proto =
      split.Proto(kInt, std::vector<ParamSpec>(count, {Name("p"), chain}));
  split.Func("kf", proto);
  IdsBuilder ids;
  ids.BeginSet8("kfuncs", 1);
  ids.Entry("func", "kf", kImplicitArgs).EndSet();
  HostileModule module = Module(split);
  module.ids = ids.Build();
  return module;
}

// ---- Relocation

// Members that all refer to the same long chain.
HostileModule MembersOverOneChain(uint32_t n) {
  BtfBuilder distilled;
  distilled.Int("int", 4);
  BtfBuilder split(distilled);
  TypeId chain = kInt;
  for (uint32_t i = 0; i < n; ++i) chain = split.Const(chain);
  for (uint32_t left = n; left != 0;) {
    const uint32_t count = std::min(left, 65535u);
    split.Struct("s", 8, std::vector<MemberSpec>(count, {Name("m"), chain, 0}));
    left -= count;
  }
  HostileModule module = Module(split);
  module.distilled_base = distilled.Build();
  module.steps = StepsForProfile("7.2", false);
  return module;
}

// Types of one name: each of the module's is compared with each of the base's.
HostileModule OneNameInBothBases(uint32_t n) {
  BtfBuilder base;
  base.Int("int", 4);
  for (uint32_t i = 0; i < n; ++i) base.Struct("s", 8 + 2 * i);
  BtfBuilder distilled;
  distilled.Int("int", 4);
  for (uint32_t i = 0; i < n; ++i) distilled.Struct("s", 8 + 2 * i);
  BtfBuilder split(distilled);
  for (uint32_t i = 0; i < n; ++i) split.Ptr(2 + i);
  HostileModule module = Module(split);
  module.base = base.Build();
  module.distilled_base = distilled.Build();
  module.steps = StepsForProfile("7.2", false);
  return module;
}

}  // namespace

uint64_t HostileModule::size() const {
  uint64_t size = base.size() + btf.size() + distilled_base.size();
  if (!ids.has_value()) return size;
  for (const engine::IdSymbol& symbol : ids->symbols) {
    size += 24 + symbol.name.size() + 1;  // as in an ELF file
  }
  return size + ids->content.size();
}

std::string SmallBase() {
  BtfBuilder base;
  FillSmallBase(&base);
  return base.Build();
}

const std::vector<HostileCase>& FinalizeCases() {
  static const auto* cases = new std::vector<HostileCase>{
      {"Pointers", "a chain of n PTRs", Pointers, 250000},
      {"Consts", "a chain of n CONSTs", Consts, 250000},
      {"Typedefs", "a chain of n TYPEDEFs of one name", Typedefs, 20000, true},
      {"Arrays", "n ARRAYs of ARRAYs", Arrays, 100000},
      {"NestedStructs", "n STRUCTs in one another, alike", NestedStructs, 10000,
       true},
      {"ChainsThatContradict", "n structs over two chains of n CONSTs",
       ChainsThatContradict, 4000, true},
      {"TypedefCycle", "cycles of n CONSTs", TypedefCycle, 100000},
      {"TwinsThatDifferDeepDown", "n structs, different three steps away",
       TwinsThatDifferDeepDown, 5000, true},
      {"TwinsOverOneLongList", "the same at the end of lists",
       TwinsOverOneLongList, 10000, true},
      {"TwinsThatDifferInTheLastMember",
       "n structs, last member's name differs", TwinsThatDifferInTheLastMember,
       25000},
      {"HugeStructs", "structs of 65,535 members, n in all", HugeStructs,
       200000, true},
      {"AnonymousEnums", "n anonymous enums", AnonymousEnums, 50000},
      {"EmptyAndFullEnums", "n empty enums below n full ones of the name",
       EmptyAndFullEnums, 10000, true},
      {"CollidingNames", "n names of one hash", CollidingNames, 5000},
      {"CollidingKfuncs", "n kfuncs of one hash", CollidingKfuncs, 5000, true},
      {"TextsThatUndoTheirHash", "n texts of one hash, if it were not secret",
       TextsThatUndoTheirHash, 20000},
      {"DuplicatedStrings", "one text n times", DuplicatedStrings, 50000},
      {"OneCharacterStrings", "n strings of one character", OneCharacterStrings,
       250000},
      {"SharedEndsSorted", "n names, the ends of one text; sorted",
       SharedEndsSorted, 10000, true},
      {"SharedEndsDeduped", "the same; deduplicated", SharedEndsDeduped, 10000,
       true},
      {"UnresolvedSymbols", "n symbols that nothing is called",
       UnresolvedSymbols, 25000},
      {"OverlappingSets", "n SET8s over one another", OverlappingSets, 2500,
       true},
      {"HugeClaimedSet", "a SET8 of 4 GiB in a few kilobytes", HugeClaimedSet,
       250},
      {"SharedPrototype", "n kfuncs of one prototype of n parameters",
       SharedPrototype, 1000, true},
      {"TagsTimesSets", "n kfunc tags and n sets", TagsTimesSets, 2500, true},
      {"QualifiedParams", "n parameters of n qualifiers", QualifiedParams, 5000,
       true},
      {"MembersOverOneChain", "n members over a chain of n CONSTs",
       MembersOverOneChain, 50000},
      {"OneNameInBothBases", "n structs of one name, in both bases",
       OneNameInBothBases, 5000, true},
  };
  return *cases;
}

}  // namespace btfd::tests
