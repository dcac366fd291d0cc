// SPDX-License-Identifier: Apache-2.0
#include "lib/report/report.h"

#include <algorithm>
#include <tuple>

namespace btfd::report {

void Report::Add(std::string name, ModuleSizes sizes) {
  std::vector<ModuleType> types = std::move(sizes.types);
  sizes.types.clear();
  ModuleLine line;
  line.name = std::move(name);
  line.sizes = std::move(sizes);
  OwnTypes own;
  for (const ModuleType& type : types) {
    if (type.in_base) {
      ++line.copied_types;
      line.copied_bytes += type.bytes;
    } else {
      own.emplace_back(type.key, type.bytes);
    }
  }
  const absl::MutexLock lock(&mutex_);
  const uint32_t number = static_cast<uint32_t>(added_.size());
  for (ModuleType& type : types) {
    Entry& entry = entries_[type.key];
    if (entry.type.copies++ == 0) {
      entry.type.name = std::move(type.name);
      entry.type.kind = type.kind;
      entry.type.in_base = type.in_base;
      entry.type.bytes = type.bytes;
    }
    if (entry.last_module == number) {
      line.twin_bytes += type.bytes;
    } else {
      ++entry.type.modules;
    }
    entry.last_module = number;
  }
  added_.emplace_back(std::move(line), std::move(own));
}

void Report::AddFailure(std::string name, absl::Status status) {
  ModuleLine line;
  line.name = std::move(name);
  line.status = std::move(status);
  const absl::MutexLock lock(&mutex_);
  added_.emplace_back(std::move(line), OwnTypes());
}

void Report::SumUp(ModuleLine* line, const OwnTypes& own) {
  Summary& sum = summary_;
  if (!line->status.ok()) {
    ++sum.failed;
    return;
  }
  {
    const absl::MutexLock lock(&mutex_);
    for (const auto& [key, bytes] : own) {
      (entries_[key].type.modules > 1 ? line->repeated_bytes
                                      : line->alone_bytes) += bytes;
    }
  }
  const ModuleSizes& sizes = line->sizes;
  ++sum.modules;
  sum.btf_bytes += sizes.btf_bytes;
  sum.base_bytes += sizes.base_bytes;
  sum.string_bytes += sizes.string_bytes;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    sum.kinds[kind].types += sizes.kinds[kind].types;
    sum.kinds[kind].bytes += sizes.kinds[kind].bytes;
  }
  sum.copied_bytes += line->copied_bytes;
  sum.modules_with_copies += line->copied_types != 0;
  sum.repeated_bytes += line->repeated_bytes;
  sum.alone_bytes += line->alone_bytes;
  sum.twin_bytes += line->twin_bytes;
  sum.modules_with_twins += line->twin_bytes != 0;
  if (sizes.deduplicated.has_value() && sizes.distilled_btf.has_value()) {
    ++sum.shrunk_modules;
    sum.shrunk_from += sizes.bytes();
    sum.deduplicated += *sizes.deduplicated;
    sum.distilled_btf += *sizes.distilled_btf;
    sum.distilled_base += sizes.distilled_base.value_or(0);
  }
  if (!sizes.functions.has_value()) return;
  ++sum.modules_with_symbols;
  sum.functions_in_btf += sizes.functions->in_btf;
  sum.functions_missing += sizes.functions->missing.size();
  for (const MissingFunction& missing : sizes.functions->missing) {
    ++sum.missing_reasons[missing.reason];
  }
}

void Report::Finish() {
  std::vector<std::pair<ModuleLine, OwnTypes>> added;
  {
    const absl::MutexLock lock(&mutex_);
    added.swap(added_);
  }
  std::sort(added.begin(), added.end(), [](const auto& a, const auto& b) {
    return a.first.name < b.first.name;
  });
  for (auto& [line, own] : added) {
    SumUp(&line, own);
    modules_.push_back(std::move(line));
  }
  const absl::MutexLock lock(&mutex_);
  for (auto& [key, entry] : entries_) {
    RepeatedType& type = entry.type;
    if (!type.in_base && type.modules > 1) {
      summary_.repeated_once_bytes += type.bytes;
    }
    if (type.name.empty() || (!type.in_base && type.modules < 2)) continue;
    repeated_.push_back(std::move(type));
  }
  std::sort(repeated_.begin(), repeated_.end(),
            [](const RepeatedType& a, const RepeatedType& b) {
              return std::make_tuple(b.total(), a.kind, a.name, b.bytes) <
                     std::make_tuple(a.total(), b.kind, b.name, a.bytes);
            });
}

}  // namespace btfd::report
