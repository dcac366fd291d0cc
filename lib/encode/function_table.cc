// SPDX-License-Identifier: Apache-2.0
#include "lib/encode/function_table.h"

#include <elf.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

namespace btfd::encode {

namespace {

size_t PrefixOf(absl::string_view name) {
  const size_t dot = name.find('.');
  return dot == absl::string_view::npos ? name.size() : dot;
}

// 1.25 to 1.30: names that are the same up to the first dot are equal.
int CompareByPrefix(absl::string_view a, size_t a_prefix, absl::string_view b,
                    size_t b_prefix) {
  if (a_prefix == b_prefix) {
    return a.substr(0, a_prefix).compare(b.substr(0, b_prefix));
  }
  return a.compare(b);
}

}  // namespace

FunctionTable::FunctionTable(const dwarf::Object& object, const Rules& rules,
                             const Features& features, const NameTable* names)
    : rules_(rules), features_(features), names_(*names) {
  const auto is_function = [](const dwarf::Symbol& symbol) {
    return symbol.type == STT_FUNC && !symbol.name.empty();
  };
  entries_.reserve(std::count_if(object.symbols().begin(),
                                 object.symbols().end(), is_function));
  for (const dwarf::Symbol& symbol : object.symbols()) {
    if (!is_function(symbol)) continue;
    FunctionEntry entry;
    entry.name = symbol.name;
    entry.prefix = PrefixOf(symbol.name);
    if (entry.prefix != symbol.name.size()) {
      any_suffix_ = true;
      const absl::string_view suffix = symbol.name.substr(entry.prefix);
      if (rules.merges_suffixes) {
        if (absl::StrContains(suffix, ".cold") ||
            absl::StrContains(suffix, ".part")) {
          continue;
        }
        entry.name = symbol.name.substr(0, entry.prefix);
      }
    }
    entry.symbols.push_back({symbol.name, symbol.value});
    entries_.push_back(std::move(entry));
  }
  if (rules.merges_suffixes || rules.functions_at_once) {
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const FunctionEntry& a, const FunctionEntry& b) {
                       return a.name < b.name;
                     });
  } else {
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const FunctionEntry& a, const FunctionEntry& b) {
                       return CompareByPrefix(a.name, a.prefix, b.name,
                                              b.prefix) < 0;
                     });
  }
  if (rules.merges_suffixes) MergeEqualKeys();
}

// A symbol of value 0 makes the comparison start anew, and the last key is not
// looked at: as pahole has it.
void FunctionTable::MergeEqualKeys() {
  size_t merged = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (merged != 0 && entries_[merged - 1].name == entries_[i].name) {
      entries_[merged - 1].symbols.push_back(entries_[i].symbols[0]);
      continue;
    }
    if (merged != i) entries_[merged] = std::move(entries_[i]);
    ++merged;
  }
  entries_.resize(merged);
  for (size_t i = 0; i + 1 < entries_.size(); ++i) {
    uint64_t address = 0;
    for (const FunctionSymbol& symbol : entries_[i].symbols) {
      if (address != 0 && address != symbol.value) entries_[i].ambiguous = true;
      address = symbol.value;
    }
  }
}

uint32_t FunctionTable::FindExactly(absl::string_view name) const {
  size_t low = 0, high = entries_.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const int order = name.compare(entries_[middle].name);
    if (order == 0) return static_cast<uint32_t>(middle);
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return kNotFound;
}

uint32_t FunctionTable::Search(absl::string_view name) const {
  const uint32_t exact = FindExactly(name);
  if (exact != kNotFound || rules_.merges_suffixes ||
      rules_.functions_at_once || !features_.optimized_func || !any_suffix_) {
    return exact;
  }
  const size_t prefix = PrefixOf(name);
  size_t low = 0, high = entries_.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const int order = CompareByPrefix(name, prefix, entries_[middle].name,
                                      entries_[middle].prefix);
    if (order == 0) return static_cast<uint32_t>(middle);
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return kNotFound;
}

}  // namespace btfd::encode
