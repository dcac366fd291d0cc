// SPDX-License-Identifier: Apache-2.0
#include "client/min_core/output_names.h"

#include <algorithm>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace btfd::client {

namespace {

std::string WithoutEnding(absl::string_view name) {
  // A base of the daemon's.
  absl::ConsumePrefix(&name, "sha256:");
  const absl::string_view whole = name;
  for (const absl::string_view ending : {".gz", ".xz", ".zst", ".lz4"}) {
    if (absl::ConsumeSuffix(&name, ending)) break;
  }
  for (const absl::string_view ending :
       {".btf", ".ko", ".bpf.o", ".bpfeb.o", ".o"}) {
    if (absl::ConsumeSuffix(&name, ending)) break;
  }
  return std::string(name.empty() ? whole : name);
}

// Its parts, last one first, without those that say nothing.
std::vector<std::string> PartsOf(const std::string& path) {
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (!part.empty() && part != "." && part != "..") {
      parts.emplace_back(part);
    }
  }
  std::reverse(parts.begin(), parts.end());
  if (parts.empty()) parts.push_back("kernel");
  parts[0] = WithoutEnding(parts[0]);
  return parts;
}

std::string LastOf(const std::vector<std::string>& parts, size_t count) {
  count = std::min(count, parts.size());
  return absl::StrJoin(parts.rend() - count, parts.rend(), "/");
}

}  // namespace

absl::StatusOr<std::vector<std::string>> OutputNames(
    const std::vector<std::string>& paths) {
  std::vector<std::vector<std::string>> parts;
  size_t longest = 1;
  for (const std::string& path : paths) {
    parts.push_back(PartsOf(path));
    longest = std::max(longest, parts.back().size());
  }
  std::vector<std::string> names(paths.size());
  std::string twice;
  for (size_t count = 1; count <= longest; ++count) {
    std::set<std::string> seen;
    bool all_differ = true;
    for (size_t i = 0; i < paths.size(); ++i) {
      names[i] = LastOf(parts[i], count);
      if (seen.insert(names[i]).second) continue;
      twice = paths[i];
      all_differ = false;
    }
    if (all_differ) return names;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(twice, ": its output would have the name of another one's"));
}

}  // namespace btfd::client
