// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/functions.h"

#include <elf.h>

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/dwarf/constants.h"
#include "lib/dwarf/location.h"
#include "lib/encode/packed.h"
#include "lib/util/status_macros.h"

namespace btfd::encode {

using btf::Kind;
using btf::TypeRecord;

namespace {

constexpr size_t kMostNameBytes = 127;
constexpr int16_t kX86Registers[] = {5, 4, 1, 2, 8, 9};
constexpr int16_t kArmRegisters[] = {0, 1, 2, 3, 4, 5, 6, 7};
constexpr int16_t kS390Registers[] = {2, 3, 4, 5, 6};
// Longer chains are no compiler's.
constexpr int kMostSteps = 4096;
// Prototypes within prototypes.
constexpr int kMostNested = 64;

// Flags of a kfunc, include/linux/btf.h.
constexpr uint32_t kKfuncFastcall = 1 << 12;
constexpr uint32_t kKfuncArenaReturn = 1 << 13;
constexpr uint32_t kKfuncArenaFirst = 1 << 14;
constexpr uint32_t kKfuncArenaSecond = 1 << 15;

bool IsRegister(const dwarf::Op& op) {
  return op.code >= dwarf::kOpReg0 && op.code <= dwarf::kOpReg31;
}
bool IsBaseRegister(const dwarf::Op& op) {
  return op.code >= dwarf::kOpBreg0 && op.code <= dwarf::kOpBreg31;
}
bool IsConstantOp(const dwarf::Op& op) {
  return (op.code >= dwarf::kOpLit0 && op.code <= dwarf::kOpLit31) ||
         op.code == dwarf::kOpConstu || op.code == dwarf::kOpConsts;
}

}  // namespace

absl::string_view SkipReasonText(SkipReason reason) {
  switch (reason) {
    case SkipReason::kUnexpectedRegister:
      return "unexpected register used for parameter";
    case SkipReason::kInconsistent:
      return "inconsistent prototype";
    case SkipReason::kUncertain:
      return "uncertain parameter location";
    case SkipReason::kReordered:
      return "reordered parameters";
    case SkipReason::kAmbiguousAddress:
      return "ambiguous address";
    case SkipReason::kOptimized:
      return "optimized parameters";
  }
  return "";
}

Functions::Functions(const dwarf::Object& object, const Rules& rules,
                     const Features& features, NameTable* names,
                     FunctionTable* table, Builder* builder,
                     util::WorkBudget* work)
    : object_(object),
      rules_(rules),
      features_(features),
      names_(names),
      table_(table),
      builder_(builder),
      work_(work),
      made_(table->size(), false) {
  switch (object.machine()) {
    case EM_X86_64:
      registers_ = kX86Registers;
      break;
    case EM_AARCH64:
    case EM_ARM:
      registers_ = kArmRegisters;
      break;
    case EM_S390:
      registers_ = kS390Registers;
      break;
    default:
      break;
  }
  register_count_ = registers_.size();
  switch (object.machine()) {
    case EM_ARCV2:
    case EM_ARC_COMPACT:
    case EM_MIPS:
    case EM_PPC:
    case EM_PPC64:
    case EM_RISCV:
      register_count_ = 8;
      break;
    case EM_SPARC:
    case EM_SPARCV9:
      register_count_ = 6;
      break;
    default:
      break;
  }
}

NameId Functions::Cut(NameId name) {
  const absl::string_view text = names_->text(name);
  if (text.size() <= kMostNameBytes) return name;
  return names_->Intern(text.substr(0, kMostNameBytes));
}

// --- What is known of parameters ---------------------------------------------

NameId Functions::ChainName(const UnitGraph& graph,
                            const FunctionNode& function) const {
  const FunctionNode* at = &function;
  for (int step = 0; step < kMostSteps; ++step) {
    if (at->name != 0) return at->name;
    const DieOffset next =
        at->origin != kNoDie ? at->origin : at->specification;
    if (next == kNoDie) return 0;
    const uint32_t index = graph.map.Find(next, graph.functions);
    if (index == DieMap::kNotFound) return 0;
    at = &graph.functions[index];
  }
  return 0;
}

void Functions::FindFacts(const std::vector<dwarf::Unit>& units,
                          UnitGraph* graph) {
  for (const FunctionNode& function : graph->functions) {
    if (function.declaration) continue;
    const NameId name = ChainName(*graph, function);
    if (name == 0 || table_->Find(name) == FunctionTable::kNotFound) continue;
    const dwarf::Unit& unit = units[function.unit];
    for (uint32_t i = 0; i < function.count; ++i) {
      ParameterNode* parameter = &graph->parameters[function.first + i];
      if (rules_.new_locations) {
        FindFactsNew(unit, *graph, parameter);
      } else if (i < register_count_) {
        FindFactsOld(unit, parameter);
      } else {
        parameter->facts.has_location = false;
      }
    }
  }
}

// Up to 1.31: expressions of one operation count, until one names the register
// that the parameter should be in.
void Functions::FindFactsOld(const dwarf::Unit& unit,
                             ParameterNode* parameter) {
  ParameterFacts& facts = parameter->facts;
  if (!facts.has_location) {
    facts.optimized = facts.has_const_value;
    return;
  }
  const int expected =
      parameter->index < registers_.size() ? registers_[parameter->index] : -1;
  int found = -1;
  bool first = true;
  dwarf::ForEachExpression(
      object_, unit, parameter->location,
      [&](const dwarf::Expression& expression) {
        size_t count = expression.size();
        work_->Spend(1 + count);
        if (work_->exhausted()) return false;
        if (count > 1 && expression[count - 1].code == dwarf::kOpStackValue) {
          --count;
        }
        const bool is_first = first;
        first = false;
        if (count != 1) return true;
        const dwarf::Op& op = expression[0];
        if (IsRegister(op)) {
          if (is_first) found = op.code - dwarf::kOpReg0;
        } else if (op.code == dwarf::kOpEntryValue ||
                   op.code == dwarf::kOpGnuEntryValue) {
          dwarf::Expression inner;
          if (dwarf::ParseExpression(op.block, unit, object_.big_endian(),
                                     &inner) &&
              inner.size() == 1) {
            found = inner[0].code - dwarf::kOpReg0;
          }
        }
        return expected < 0 || found != expected;
      });
  if (found == -1) {
    facts.optimized = true;
  } else if (expected >= 0 && found != expected) {
    facts.unexpected = true;
  }
}

uint16_t Functions::ParameterSize(const UnitGraph& graph,
                                  const ParameterNode& parameter) const {
  uint32_t type = parameter.target;
  if (parameter.origin != kNoDie) {
    const uint32_t origin = graph.map.Find(parameter.origin, graph.parameters);
    if (origin != DieMap::kNotFound) type = graph.parameters[origin].target;
  }
  for (int step = 0; step < kMostSteps && type != 0; ++step) {
    const TypeNode& node = graph.types[type];
    if (node.kind == TypeKind::kPointer) return object_.address_size();
    if (node.size != 0) return static_cast<uint16_t>(node.size);
    type = node.target;
  }
  return 0;
}

void Functions::FindFactsNew(const dwarf::Unit& unit, const UnitGraph& graph,
                             ParameterNode* parameter) {
  ParameterFacts& facts = parameter->facts;
  facts.size = ParameterSize(graph, *parameter);
  facts.in_memory = facts.size > (object_.machine() == EM_S390 ? 8 : 16);
  if (!facts.has_location) return;
  bool first = true;
  dwarf::ForEachExpression(
      object_, unit, parameter->location,
      [&](const dwarf::Expression& expression) {
        const bool is_first = first;
        first = false;
        size_t count = expression.size();
        work_->Spend(1 + count);
        if (work_->exhausted()) return false;
        if (count == 0) return true;
        const bool value =
            count == 2 && expression[1].code == dwarf::kOpStackValue;
        if (value) count = 1;
        const dwarf::Op& op = expression[0];
        const auto record = [&facts](int reg) {
          facts.reg = static_cast<int16_t>(reg);
        };
        if (count == 1) {
          if (IsRegister(op)) {
            if (is_first && facts.reg < 0) record(op.code - dwarf::kOpReg0);
          } else if (IsBaseRegister(op)) {
            if (is_first && value) record(op.code - dwarf::kOpBreg0);
          } else if (op.code == dwarf::kOpFbreg) {
            facts.on_stack |= is_first;
          } else if (IsConstantOp(op)) {
            facts.const_location |= is_first;
          } else if (op.code == dwarf::kOpEntryValue ||
                     op.code == dwarf::kOpGnuEntryValue) {
            dwarf::Expression inner;
            if (facts.reg < 0 &&
                dwarf::ParseExpression(op.block, unit, object_.big_endian(),
                                       &inner) &&
                inner.size() == 1 && IsRegister(inner[0])) {
              record(inner[0].code - dwarf::kOpReg0);
            }
          }
          return true;
        }
        if (IsConstantOp(op)) {
          facts.const_location |= is_first;
          return true;
        }
        if (facts.size <= 8) {
          if (!is_first) return true;
          if (IsRegister(op)) {
            record(op.code - dwarf::kOpReg0);
          } else if (IsBaseRegister(op)) {
            for (size_t i = 1; i < count; ++i) {
              if (expression[i].code == dwarf::kOpStackValue) {
                record(op.code - dwarf::kOpBreg0);
                break;
              }
            }
          }
          return true;
        }
        for (size_t i = 0; i < count; ++i) {
          if (IsRegister(expression[i]) && facts.reg < 0) {
            record(expression[i].code - dwarf::kOpReg0);
          }
        }
        return true;
      });
}

// Takes over names, types and facts along abstract origins, in the order of the
// table: an origin that stands later has what it had so far.
void Functions::Complete(UnitGraph* graph) {
  for (FunctionNode& function : graph->functions) {
    if (function.name == 0) {
      const DieOffset from =
          function.origin != kNoDie ? function.origin : function.specification;
      if (from != kNoDie) {
        const uint32_t index = graph->map.Find(from, graph->functions);
        if (index != DieMap::kNotFound) {
          function.name = graph->functions[index].name;
        }
      }
    }
    for (uint32_t i = 0; i < function.count; ++i) {
      ParameterNode& parameter = graph->parameters[function.first + i];
      if (parameter.has_type || parameter.origin == kNoDie) continue;
      const uint32_t index =
          graph->map.Find(parameter.origin, graph->parameters);
      if (index == DieMap::kNotFound) continue;
      ParameterNode& origin = graph->parameters[index];
      parameter.name = origin.name;
      parameter.target = origin.target;
      if (parameter.index != origin.index) function.reordered = true;
      const ParameterFacts& from = parameter.facts;
      ParameterFacts& to = origin.facts;
      to.has_location |= from.has_location;
      to.optimized |= from.optimized;
      to.unexpected |= from.unexpected;
      if (!rules_.new_locations) continue;
      to.has_const_value |= from.has_const_value;
      to.const_location |= from.const_location;
      to.on_stack |= from.on_stack;
      to.in_memory |= from.in_memory;
      if (from.reg >= 0) to.reg = from.reg;
      if (from.size != 0) to.size = from.size;
    }
  }
}

bool Functions::IsStruct(const UnitGraph& graph, uint32_t type) const {
  for (int step = 0; step < kMostSteps && type != 0; ++step) {
    const TypeNode& node = graph.types[type];
    if (node.kind == TypeKind::kStruct) return true;
    if (node.kind != TypeKind::kConst && node.kind != TypeKind::kTypedef) {
      return false;
    }
    type = node.target;
  }
  return false;
}

void Functions::Analyse(bool is_clang, const UnitGraph& graph,
                        FunctionNode* function) {
  const auto facts_of = [&](uint32_t i) -> const ParameterFacts& {
    return graph.parameters[function->first + i].facts;
  };
  if (rules_.new_locations) {
    if (is_clang && !function->inlined) {
      bool nocall = function->nocall;
      if (function->origin != kNoDie) {
        const uint32_t index =
            graph.map.Find(function->origin, graph.functions);
        if (index != DieMap::kNotFound) {
          nocall |= graph.functions[index].nocall;
        }
      }
      function->signature_changed = nocall;
    }
    size_t position = 0;
    for (uint32_t i = 0; i < function->count; ++i) {
      ParameterFacts& facts = const_cast<ParameterFacts&>(facts_of(i));
      const size_t slots = facts.size > 8 ? (facts.size + 7u) / 8 : 1;
      const size_t step = facts.in_memory ? 1 : slots;
      if (is_clang) {
        if (function->signature_changed) break;
        if (facts.in_memory) continue;
        if (position >= register_count_) break;
        if (facts.reg >= 0 && !registers_.empty()) {
          bool expected = false;
          for (size_t k = position;
               k < position + slots && k < registers_.size(); ++k) {
            expected |= registers_[k] == facts.reg;
          }
          facts.unexpected |= !expected;
        }
        position += slots;
        continue;
      }
      if (facts.has_location) {
        if (position >= register_count_) continue;
        if (facts.reg < 0) {
          facts.optimized = true;
        } else if (!registers_.empty() && facts.reg != registers_[position]) {
          facts.unexpected = true;
        }
      } else if (facts.has_const_value) {
        facts.optimized = true;
      }
      position += step;
    }
  }
  bool any_struct = false;
  for (uint32_t i = 0; i < function->count; ++i) {
    const ParameterFacts& facts = facts_of(i);
    function->optimized |= facts.optimized || !facts.has_location;
    function->unexpected |= facts.unexpected;
    any_struct |= IsStruct(graph, graph.parameters[function->first + i].target);
  }
  if (any_struct) function->unexpected = false;
}

void Functions::Resolve(const std::vector<dwarf::Unit>& units,
                        UnitGraph* graph) {
  if (!rules_.functions_at_once) FindFacts(units, graph);
  Complete(graph);
  for (FunctionNode& function : graph->functions) {
    if (!rules_.functions_at_once) {
      Analyse(units[0].is_clang, *graph, &function);
    }
    if (function.target == 0 && function.origin != kNoDie) {
      const uint32_t index = graph->map.Find(function.origin, graph->functions);
      if (index != DieMap::kNotFound) {
        function.target = graph->functions[index].target;
      }
    }
  }
}

// --- States ------------------------------------------------------------------

bool Functions::IsUncertain(const UnitGraph& graph,
                            const FunctionNode& function,
                            PackedStructs* packed) const {
  for (uint32_t i = register_count_; i < function.count; ++i) {
    const uint32_t type = graph.parameters[function.first + i].target;
    const TypeNode& node = graph.types[type];
    if (node.kind == TypeKind::kStruct && node.name != 0 &&
        packed->IsPacked(type)) {
      return true;
    }
  }
  return false;
}

void Functions::Save(const UnitGraph& graph, const TypePlan& plan) {
  PackedStructs packed(graph, object_.address_size());
  std::vector<std::vector<const DeclTagNode*>> tags;
  for (const DeclTagNode& tag : graph.decl_tags) {
    if (tag.owner_kind != TagOwner::kFunction) continue;
    if (tags.empty()) tags.resize(graph.functions.size());
    tags[tag.owner].push_back(&tag);
  }
  for (size_t f = 0; f < graph.functions.size(); ++f) {
    const FunctionNode& function = graph.functions[f];
    if (function.declaration || function.name == 0) continue;
    bool nameless = false;
    for (uint32_t i = 0; i < function.count; ++i) {
      nameless |= graph.parameters[function.first + i].name == 0;
    }
    if (nameless) continue;
    uint32_t entry = FunctionTable::kNotFound;
    if (table_->empty()) {
      if (!rules_.functions_at_once || !function.external) continue;
    } else {
      entry = table_->Find(function.name);
      if (entry == FunctionTable::kNotFound) continue;
      if (rules_.functions_at_once) {
        if (made_[entry]) continue;
        made_[entry] = true;
      }
    }
    State state{};
    state.entry = entry;
    state.source_name = function.name;
    state.by_prefix = entry != FunctionTable::kNotFound &&
                      (*table_)[entry].name != names_->text(function.name);
    state.address = function.address;
    state.die = graph.origin + function.die;
    state.result = plan.ids[function.target];
    state.optimized = function.optimized;
    state.unexpected = function.unexpected;
    state.reordered = rules_.checks_reordered && function.reordered;
    state.signature_changed = function.signature_changed;
    state.uncertain =
        rules_.checks_uncertain && IsUncertain(graph, function, &packed);
    state.first_parameter = static_cast<uint32_t>(parameters_.size());
    for (uint32_t i = 0; i < function.count; ++i) {
      const ParameterNode& parameter = graph.parameters[function.first + i];
      if (state.reordered &&
          (!parameter.facts.has_location || parameter.facts.optimized)) {
        continue;
      }
      const NameId name = Cut(parameter.name);
      if (!rules_.functions_at_once) builder_->String(name);
      parameters_.push_back({name, plan.ids[parameter.target]});
    }
    if (function.varargs) parameters_.push_back({0, 0});
    state.parameter_count =
        static_cast<uint32_t>(parameters_.size()) - state.first_parameter;
    state.first_tag = static_cast<uint32_t>(tags_.size());
    if (!tags.empty()) {
      for (const DeclTagNode* tag : tags[f]) {
        const NameId value = Cut(tag->value);
        if (!rules_.functions_at_once) builder_->String(value);
        tags_.push_back({value, tag->component});
      }
    }
    state.tag_count = static_cast<uint32_t>(tags_.size()) - state.first_tag;
    if (rules_.functions_at_once) {
      static_cast<void>(MakeFunction(state));
      parameters_.clear();
      tags_.clear();
    } else {
      states_.push_back(state);
    }
  }
}

// --- Combining ---------------------------------------------------------------

// By names and structure, on types that were not deduplicated.
bool Functions::TypesMatch(BtfId a, BtfId b, int depth) const {
  if (depth == kMostNested) return false;
  for (int step = 0; step < kMostSteps; ++step) {
    if (a == b) return true;
    if (a == 0 || b == 0) return false;
    work_->Spend(1);
    if (work_->exhausted()) return false;
    const TypeRecord& x = builder_->record(a);
    const TypeRecord& y = builder_->record(b);
    const auto kind_of = [](const TypeRecord& type) {
      if (type.kind() != Kind::kFwd) return type.kind();
      return type.kflag() ? Kind::kUnion : Kind::kStruct;
    };
    if (kind_of(x) != kind_of(y)) {
      if (x.kind() == Kind::kConst) {
        a = x.size_or_type;
      } else if (y.kind() == Kind::kConst) {
        b = y.size_or_type;
      } else {
        return false;
      }
      continue;
    }
    switch (kind_of(x)) {
      case Kind::kInt:
        return x.size_or_type == y.size_or_type && x.name_off == y.name_off &&
               x.tail()[0] == y.tail()[0];
      case Kind::kFloat:
        return x.size_or_type == y.size_or_type && x.name_off == y.name_off;
      case Kind::kTypedef:
      case Kind::kStruct:
      case Kind::kUnion:
      case Kind::kEnum:
      case Kind::kEnum64:
        return x.name_off == y.name_off;
      case Kind::kPtr:
      case Kind::kConst:
      case Kind::kVolatile:
      case Kind::kRestrict:
      case Kind::kTypeTag:
        a = x.size_or_type;
        b = y.size_or_type;
        continue;
      case Kind::kArray:
        if (x.array().count != y.array().count) return false;
        a = x.array().element;
        b = y.array().element;
        continue;
      case Kind::kFuncProto: {
        if (x.vlen() != y.vlen() ||
            !TypesMatch(x.size_or_type, y.size_or_type, depth + 1)) {
          return false;
        }
        for (uint32_t i = 0; i < x.vlen(); ++i) {
          const bool same =
              rules_.proto_match_params
                  ? TypesMatch(x.params()[i].type, y.params()[i].type,
                               depth + 1)
                  : TypesMatch(x.size_or_type, y.size_or_type, depth + 1);
          if (!same) return false;
        }
        return true;
      }
      default:
        return false;
    }
  }
  return false;
}

bool Functions::PrototypesMatch(const State& a, const State& b) const {
  if (a.parameter_count != b.parameter_count ||
      !TypesMatch(a.result, b.result, 0)) {
    return false;
  }
  for (uint32_t i = 0; i < a.parameter_count; ++i) {
    if (!TypesMatch(parameters_[a.first_parameter + i].type,
                    parameters_[b.first_parameter + i].type, 0)) {
      return false;
    }
  }
  return true;
}

// A function that lost parameters in the compiler's clone of it.
bool Functions::IsOptimizedAway(const State& state) const {
  if (!state.optimized || features_.true_signature) return false;
  if (state.signature_changed) return true;
  if (state.address == 0) return false;
  const FunctionEntry& entry = (*table_)[state.entry];
  for (const FunctionSymbol& symbol : entry.symbols) {
    if (symbol.value != state.address) continue;
    const absl::string_view suffix = symbol.name.substr(entry.name.size());
    if (absl::StrContains(suffix, ".constprop") ||
        absl::StrContains(suffix, ".isra")) {
      return true;
    }
  }
  return false;
}

absl::Status Functions::MakeGroup(absl::Span<State> states) {
  State& first = states[0];
  for (size_t i = 1; i < states.size(); ++i) {
    State& other = states[i];
    const auto either = [&](bool State::*flag) {
      first.*flag = other.*flag = first.*flag || other.*flag;
    };
    either(&State::unexpected);
    either(&State::inconsistent);
    either(&State::uncertain);
    either(&State::reordered);
    if (!rules_.picks_canonical) either(&State::optimized);
    if (!first.unexpected && !first.inconsistent && !first.reordered &&
        !PrototypesMatch(first, other)) {
      first.inconsistent = other.inconsistent = true;
    }
  }
  const FunctionEntry& entry = (*table_)[first.entry];
  const State* chosen = &first;
  if (rules_.picks_canonical && states.size() > 1) {
    const auto has_address = [&entry](const State& state) {
      return std::any_of(entry.symbols.begin(), entry.symbols.end(),
                         [&state](const FunctionSymbol& symbol) {
                           return symbol.value == state.address;
                         });
    };
    const State* any = nullptr;
    const State* best = nullptr;
    for (const State& state : states) {
      if (!has_address(state)) continue;
      if (any == nullptr) any = &state;
      if (best == nullptr && !IsOptimizedAway(state)) best = &state;
    }
    if (best != nullptr) {
      chosen = best;
    } else if (any != nullptr) {
      chosen = any;
    }
  }
  std::optional<SkipReason> reason;
  if (rules_.picks_canonical || features_.consistent_func) {
    if (first.unexpected) {
      reason = SkipReason::kUnexpectedRegister;
    } else if (first.inconsistent && features_.consistent_func) {
      reason = SkipReason::kInconsistent;
    } else if (rules_.checks_uncertain && first.uncertain) {
      reason = SkipReason::kUncertain;
    } else if (rules_.checks_reordered && first.reordered) {
      reason = SkipReason::kReordered;
    } else if (rules_.checks_uncertain && entry.ambiguous) {
      reason = SkipReason::kAmbiguousAddress;
    } else if (rules_.picks_canonical && IsOptimizedAway(*chosen)) {
      reason = SkipReason::kOptimized;
    }
  }
  if (!reason.has_value()) return MakeFunction(*chosen);
  SkippedFunction& skipped = skipped_.emplace_back();
  skipped.name = std::string(names_->text(first.source_name));
  skipped.reason = *reason;
  for (const State& state : states) skipped.dies.push_back(state.die);
  return absl::OkStatus();
}

// Arena pointers of a kfunc: its BTF says the address space of what they point
// to, by a tag around the pointee and a new pointer.
absl::Status Functions::AddArenas(const FunctionEntry& entry, BtfId* result,
                                  std::vector<SavedParameter>* parameters) {
  const NameId tag = names_->Intern("address_space(1)");
  const auto wrap = [&](BtfId* id) {
    if (*id == 0 || builder_->record(*id).kind() != Kind::kPtr) return false;
    const BtfId pointee = builder_->record(*id).size_or_type;
    const BtfId tagged = builder_->Add(Kind::kTypeTag, tag, pointee, 0, true);
    *id = builder_->Add(Kind::kPtr, 0, tagged);
    return true;
  };
  bool good = true;
  if ((entry.kfunc_flags & kKfuncArenaReturn) != 0) good &= wrap(result);
  const uint32_t arguments[] = {kKfuncArenaFirst, kKfuncArenaSecond};
  for (size_t i = 0; i < 2; ++i) {
    if ((entry.kfunc_flags & arguments[i]) == 0) continue;
    good &= i < parameters->size() && wrap(&(*parameters)[i].type);
  }
  if (good) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "kfunc ", entry.name, ": what its flags call an arena pointer is none"));
}

absl::Status Functions::MakeFunction(const State& state) {
  BtfId result = state.result;
  std::vector<SavedParameter> parameters(
      parameters_.begin() + state.first_parameter,
      parameters_.begin() + state.first_parameter + state.parameter_count);
  const FunctionEntry* entry = state.entry == FunctionTable::kNotFound
                                   ? nullptr
                                   : &(*table_)[state.entry];
  if (entry != nullptr && entry->is_kfunc && features_.attributes) {
    RETURN_IF_ERROR(AddArenas(*entry, &result, &parameters));
  }
  const BtfId prototype = builder_->Add(
      Kind::kFuncProto, 0, result, static_cast<uint32_t>(parameters.size()));
  for (const SavedParameter& parameter : parameters) {
    builder_->Tail(builder_->String(parameter.name));
    builder_->Tail(parameter.type);
  }
  NameId name = state.source_name;
  if (entry != nullptr && !state.by_prefix) {
    name = names_->Find(entry->name);
    if (name == 0) name = names_->Intern(entry->name);
  }
  const BtfId function = builder_->Add(Kind::kFunc, name, prototype);
  for (uint32_t i = 0; i < state.tag_count; ++i) {
    const SavedTag& tag = tags_[state.first_tag + i];
    builder_->Add(Kind::kDeclTag, tag.value, function);
    builder_->Tail(static_cast<uint32_t>(tag.component));
  }
  if (entry != nullptr && entry->is_kfunc && features_.decl_tag) {
    const auto add = [&](absl::string_view text) {
      builder_->Add(Kind::kDeclTag, names_->Intern(text), function);
      builder_->Tail(static_cast<uint32_t>(-1));
    };
    add("bpf_kfunc");
    if ((entry->kfunc_flags & kKfuncFastcall) != 0) add("bpf_fastcall");
  }
  return absl::OkStatus();
}

absl::Status Functions::Make() {
  // 1.30 takes names that are the same up to the first dot for one.
  const auto same = [&](const State& a, const State& b) {
    if (rules_.merges_suffixes) return a.entry == b.entry;
    const FunctionEntry& x = (*table_)[a.entry];
    const FunctionEntry& y = (*table_)[b.entry];
    return x.name.substr(0, x.prefix) == y.name.substr(0, y.prefix);
  };
  std::stable_sort(
      states_.begin(), states_.end(), [&](const State& a, const State& b) {
        if (!rules_.merges_suffixes) {
          const FunctionEntry& x = (*table_)[a.entry];
          const FunctionEntry& y = (*table_)[b.entry];
          if (x.prefix == y.prefix) {
            return x.name.substr(0, x.prefix) < y.name.substr(0, y.prefix);
          }
          return x.name < y.name;
        }
        // Entries are in the order of their names.
        if (a.entry != b.entry) return a.entry < b.entry;
        return rules_.picks_canonical && a.address != 0 && b.address == 0;
      });
  for (size_t i = 0; i < states_.size();) {
    size_t end = i + 1;
    while (end < states_.size() && same(states_[i], states_[end])) ++end;
    RETURN_IF_ERROR(MakeGroup(absl::Span<State>(states_).subspan(i, end - i)));
    i = end;
  }
  return absl::OkStatus();
}

}  // namespace btfd::encode
