// SPDX-License-Identifier: Apache-2.0
//
// Where the bytes of many modules' BTF are: by module, by kind, by whether the
// base or other modules have the same.
#ifndef BTFD_LIB_REPORT_REPORT_H_
#define BTFD_LIB_REPORT_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "lib/report/measure.h"

namespace btfd::report {

// One module. `types` of its sizes is empty: what is in it is summed up here.
// The bytes of its records are copied + repeated + alone.
struct ModuleLine {
  std::string name;
  absl::Status status;  // not OK: there are no numbers
  ModuleSizes sizes;
  uint64_t copied_types = 0;
  uint64_t copied_bytes = 0;    // the base has the same types
  uint64_t repeated_bytes = 0;  // other modules have the same, and not the base
  uint64_t alone_bytes = 0;
  uint64_t twin_bytes = 0;  // of all these, what it has more than once
};

// A type that has a name, and is in more than one module or in the base too.
struct RepeatedType {
  std::string name;
  btf::Kind kind = btf::Kind::kUnknown;
  bool in_base = false;
  uint32_t bytes = 0;    // of one record
  uint64_t modules = 0;  // that have it
  uint64_t copies = 0;   // in all of them
  uint64_t total() const { return bytes * copies; }
};

struct Summary {
  uint64_t modules = 0;  // with numbers
  uint64_t failed = 0;
  uint64_t btf_bytes = 0;
  uint64_t base_bytes = 0;
  uint64_t string_bytes = 0;
  KindSizes kinds{};
  uint64_t copied_bytes = 0;
  uint64_t modules_with_copies = 0;
  uint64_t repeated_bytes = 0;
  // Of these, what would stay if each were there once.
  uint64_t repeated_once_bytes = 0;
  uint64_t alone_bytes = 0;
  // Of all records, the second and further copies within one module: its
  // encoder did not see that they are the same.
  uint64_t twin_bytes = 0;
  uint64_t modules_with_twins = 0;
  // Of those modules for which it could be found out.
  uint64_t shrunk_modules = 0;
  uint64_t shrunk_from = 0;  // bytes as they are
  uint64_t deduplicated = 0;
  uint64_t distilled_btf = 0;
  uint64_t distilled_base = 0;
  // Functions, of modules with a symbol table.
  uint64_t modules_with_symbols = 0;
  uint64_t functions_in_btf = 0;
  uint64_t functions_missing = 0;
  std::map<std::string, uint64_t> missing_reasons;

  uint64_t bytes() const { return btf_bytes + base_bytes; }
};

// Add() and AddFailure() are thread-safe.
class Report {
 public:
  void Add(std::string name, ModuleSizes sizes);
  void AddFailure(std::string name, absl::Status status);
  // After the last one: sorts the modules by name and sums up.
  void Finish();

  // After Finish().
  const std::vector<ModuleLine>& modules() const { return modules_; }
  const Summary& summary() const { return summary_; }
  // By bytes in all modules together, the largest first.
  const std::vector<RepeatedType>& repeated() const { return repeated_; }

 private:
  struct Entry {
    RepeatedType type;
    uint32_t last_module = UINT32_MAX;
  };
  using OwnTypes = std::vector<std::pair<Key, uint32_t>>;  // not in the base

  void SumUp(ModuleLine* line, const OwnTypes& own);

  absl::Mutex mutex_;
  std::unordered_map<Key, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<ModuleLine, OwnTypes>> added_ ABSL_GUARDED_BY(mutex_);
  std::vector<ModuleLine> modules_;
  std::vector<RepeatedType> repeated_;
  Summary summary_;
};

}  // namespace btfd::report

#endif  // BTFD_LIB_REPORT_REPORT_H_
