// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/variables.h"

#include <elf.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/encode/packed.h"

namespace btfd::encode {

using btf::Kind;

namespace {

constexpr size_t kMostNameBytes = 128;

bool IsValidName(absl::string_view name) {
  if (name.empty() || name.size() > kMostNameBytes) return false;
  const auto letter = [](char c) {
    return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' ||
           c == '.';
  };
  if (!letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return letter(c) || absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// Variables that tools make for themselves.
constexpr absl::string_view kSkippedPrefixes[] = {
    "__UNIQUE_ID",          "__tpstrtab_",
    "__exitcall_",          "__func_stack_frame_non_standard_",
    "__gendwarfksyms_ptr_",  // the last one, from 1.30 on
};

bool IsSkipped(absl::string_view name, const Rules& rules) {
  for (const absl::string_view prefix : kSkippedPrefixes) {
    if (!rules.skips_gendwarfksyms &&
        prefix == kSkippedPrefixes[std::size(kSkippedPrefixes) - 1]) {
      continue;
    }
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

}  // namespace

Variables::Variables(const dwarf::Object& object, const Rules& rules,
                     const Features& features, NameTable* names,
                     Builder* builder)
    : object_(object),
      rules_(rules),
      features_(features),
      names_(names),
      builder_(builder),
      sections_(object.sections().size()) {
  for (uint32_t i = 1; i < object.sections().size(); ++i) {
    if (object.sections()[i].name == ".data..percpu") {
      percpu_ = i;
      break;
    }
  }
  if (rules.variables_by_symbol && percpu_ != 0) CollectSymbols();
}

void Variables::CollectSymbols() {
  for (const dwarf::Symbol& symbol : object_.symbols()) {
    if (symbol.type != STT_OBJECT || symbol.section != percpu_ ||
        symbol.size == 0 || symbol.name.empty()) {
      continue;
    }
    uint64_t address = symbol.value;
    if (!object_.relocatable()) address -= object_.sections()[percpu_].address;
    symbols_.push_back({address, symbol.size, symbol.name});
  }
  std::stable_sort(symbols_.begin(), symbols_.end(),
                   [](const PercpuSymbol& a, const PercpuSymbol& b) {
                     return a.address < b.address;
                   });
}

// Sections that are not in memory have the address 0 and take part, but come
// late.
uint32_t Variables::SectionAt(uint64_t address) const {
  for (uint32_t i = 1; i < object_.sections().size(); ++i) {
    const dwarf::ObjectSection& section = object_.sections()[i];
    if ((section.type == SHT_PROGBITS || section.type == SHT_NOBITS) &&
        section.address <= address &&
        address - section.address < section.size) {
      return i;
    }
  }
  return 0;
}

bool Variables::HasSymbolNamed(absl::string_view name, uint32_t section) {
  if (!objects_known_) {
    for (const dwarf::Symbol& symbol : object_.symbols()) {
      if (symbol.type == STT_OBJECT) {
        objects_.insert({symbol.section, symbol.name});
      }
    }
    objects_known_ = true;
  }
  return objects_.contains({section, name});
}

const Variables::PercpuSymbol* Variables::SymbolAt(uint64_t address) const {
  size_t low = 0, high = symbols_.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (symbols_[middle].address == address) return &symbols_[middle];
    if (address < symbols_[middle].address) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return nullptr;
}

void Variables::Add(const TypePlan& plan, absl::Span<const DeclTagNode> tags,
                    const VariableNode& variable, NameId name, uint32_t section,
                    uint64_t offset, uint64_t size) {
  const BtfId id = builder_->Add(Kind::kVar, name, plan.ids[variable.target]);
  builder_->Tail(variable.external ? 1 : 0);
  for (const DeclTagNode& tag : tags) {
    builder_->Add(Kind::kDeclTag, tag.value, id);
    builder_->Tail(static_cast<uint32_t>(tag.component));
  }
  sections_[section].push_back(
      {id, static_cast<uint32_t>(offset), static_cast<uint32_t>(size)});
}

absl::Status Variables::MakeVars(const UnitGraph& graph, const TypePlan& plan,
                                 std::vector<std::string>* messages) {
  if (!features_.var && !features_.global_var) return absl::OkStatus();
  if (percpu_ == 0 && !features_.global_var) return absl::OkStatus();
  const auto& sections = object_.sections();
  // Tags of variables, by their variable.
  std::vector<DeclTagNode> tags;
  for (const DeclTagNode& tag : graph.decl_tags) {
    if (tag.owner_kind == TagOwner::kVariable) tags.push_back(tag);
  }
  std::stable_sort(tags.begin(), tags.end(),
                   [](const DeclTagNode& a, const DeclTagNode& b) {
                     return a.owner < b.owner;
                   });
  const auto tags_of = [&tags](size_t index) {
    const auto range = std::equal_range(
        tags.begin(), tags.end(),
        DeclTagNode{TagOwner::kVariable, static_cast<uint32_t>(index)},
        [](const DeclTagNode& a, const DeclTagNode& b) {
          return a.owner < b.owner;
        });
    return absl::Span<const DeclTagNode>(tags).subspan(
        range.first - tags.begin(), range.second - range.first);
  };
  for (const VariableNode& met : graph.variables) {
    if (met.declaration && met.specification == kNoDie) continue;
    size_t index = &met - graph.variables.data();
    const VariableNode* variable = &met;
    uint64_t address = met.address;
    uint32_t section;
    if (rules_.variables_by_symbol) {
      if (met.specification == kNoDie && !met.is_global) continue;
      section = percpu_;
      const uint64_t start = sections[percpu_].address;
      if (address < start || address - start >= sections[percpu_].size) {
        continue;
      }
      address -= start;
    } else {
      if (!met.top_level || met.artificial || !met.is_global) continue;
      section = SectionAt(address);
      if (section == 0) continue;
      const bool wanted = section == percpu_
                              ? features_.var || features_.global_var
                              : features_.global_var;
      if (!wanted) continue;
      address -= sections[section].address;
    }
    if (met.specification != kNoDie) {
      const uint32_t found = graph.map.Find(met.specification, graph.variables);
      if (found != DieMap::kNotFound) {
        variable = &graph.variables[found];
        index = found;
      }
    }
    NameId name = variable->name;
    uint64_t size;
    if (rules_.variables_by_symbol) {
      const PercpuSymbol* symbol = SymbolAt(address);
      if (symbol == nullptr) continue;
      if (variable->target != 0 &&
          TypeSize(graph, variable->target, object_.address_size()) == 0) {
        continue;
      }
      if (address == 0 && !object_.relocatable() &&
          symbol->name != names_->text(name)) {
        continue;
      }
      name = names_->Intern(symbol->name);
      size = symbol->size;
    } else {
      const absl::string_view text = names_->text(name);
      if (text.empty() || IsSkipped(text, rules_)) continue;
      if (rules_.zero_address_by_name && address == 0 &&
          !HasSymbolNamed(text, section)) {
        continue;
      }
      size = TypeSize(graph, variable->target, object_.address_size());
    }
    const absl::string_view text = names_->text(name);
    if (!IsValidName(text)) {
      if (features_.encode_force) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("Found symbol of invalid name when encoding btf (sym: '",
                       text, "', cu: '')."));
    }
    if (variable->target == 0) {
      const std::string line = absl::StrCat("error: found variable '", text,
                                            "' in CU '' that has void type");
      const bool merged = graph.unit_count > 1;
      if (!features_.encode_force && !merged) {
        return absl::FailedPreconditionError(line);
      }
      messages->push_back(line);
      // Of merged units the error ends the variables, and is then forgotten.
      if (!features_.encode_force) return absl::OkStatus();
      continue;
    }
    if (size == 0 || size > UINT32_MAX || address > UINT32_MAX) continue;
    Add(plan, tags_of(index), *variable, name, section, address, size);
  }
  return absl::OkStatus();
}

void Variables::MakeSections() {
  for (uint32_t i = 1; i < sections_.size(); ++i) {
    std::vector<InSection>& all = sections_[i];
    if (all.empty()) continue;
    std::stable_sort(all.begin(), all.end(),
                     [](const InSection& a, const InSection& b) {
                       return a.offset < b.offset;
                     });
    builder_->Add(Kind::kDatasec, names_->Intern(object_.sections()[i].name),
                  all.back().offset + all.back().size,
                  static_cast<uint32_t>(all.size()));
    for (const InSection& variable : all) {
      builder_->Tail(variable.id);
      builder_->Tail(variable.offset);
      builder_->Tail(variable.size);
    }
  }
}

}  // namespace btfd::encode
