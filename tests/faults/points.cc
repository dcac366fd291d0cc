// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/points.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/support/process.h"

namespace btfd::tests {

namespace fs = std::filesystem;

namespace {

// The number of points for a scenario that usually has `usual` ones.
uint64_t PointsWanted(uint64_t usual) {
  if (EveryPoint()) return UINT64_MAX;
  const char* value = std::getenv("BTFD_FAULTS");
  uint64_t wanted = 0;
  return value != nullptr && absl::SimpleAtoi(value, &wanted) && wanted > 0
             ? wanted
             : usual;
}

}  // namespace

bool EveryPoint() {
  const char* value = std::getenv("BTFD_FAULTS");
  return value != nullptr && std::string(value) == "all";
}

std::vector<KillPoint> ChoosePoints(uint64_t calls, size_t limit) {
  const uint64_t all = 2 * calls;
  const uint64_t count = std::min(all, PointsWanted(limit));
  std::vector<KillPoint> points;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t which = count == 1 ? 0 : i * (all - 1) / (count - 1);
    points.push_back({which / 2 + 1,
                      which % 2 == 0 ? KillPoint::kBefore : KillPoint::kAfter});
  }
  return points;
}

std::vector<KillPoint> ChooseFullDisks(uint64_t calls, size_t limit) {
  const uint64_t count = std::min(calls, PointsWanted(limit));
  std::vector<KillPoint> points;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t call = count == 1 ? 0 : i * (calls - 1) / (count - 1);
    points.push_back({call + 1, KillPoint::kDiskFull});
  }
  return points;
}

Snapshot TakeSnapshot(const std::string& directory) {
  Snapshot snapshot;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_directory()) continue;
    const std::string path = entry.path();
    struct stat status {};
    lstat(path.c_str(), &status);
    snapshot[path.substr(directory.size() + 1)] =
        entry.is_symlink()
            ? absl::StrCat("link to ", fs::read_symlink(path).string())
            : absl::StrCat("mode ", status.st_mode & 07777, "\n",
                           ReadFileOrEmpty(path));
  }
  return snapshot;
}

size_t RemoveTemporaries(Snapshot* snapshot) {
  const size_t before = snapshot->size();
  for (auto entry = snapshot->begin(); entry != snapshot->end();) {
    const std::string& name = entry->first;
    const size_t slash = name.rfind('/');
    entry = absl::StartsWith(
                name.substr(slash == std::string::npos ? 0 : slash + 1),
                ".tmp_btfd_")
                ? snapshot->erase(entry)
                : std::next(entry);
  }
  return before - snapshot->size();
}

std::string NeitherOldNorNew(const Snapshot& found, const Snapshot& old,
                             const Snapshot& fresh) {
  const auto is = [](const Snapshot& in, const auto& file) {
    const auto there = in.find(file.first);
    return there != in.end() && there->second == file.second;
  };
  for (const auto& file : found) {
    if (is(old, file) || is(fresh, file)) continue;
    const auto size = [&file](const Snapshot& in) {
      const auto there = in.find(file.first);
      return there == in.end() ? std::string("absent")
                               : absl::StrCat(there->second.size());
    };
    return absl::StrCat(file.first, " is neither the old one nor the new one: ",
                        file.second.size(), " bytes; old ", size(old), ", new ",
                        size(fresh));
  }
  for (const auto& file : old) {
    if (fresh.count(file.first) > 0 && found.count(file.first) == 0) {
      return absl::StrCat(file.first, " is gone");
    }
  }
  return "";
}

void PrintPoints(const std::string& scenario, uint64_t calls, size_t killed,
                 const std::string& more) {
  printf("kill points: %s: %zu kills at %llu calls%s%s\n", scenario.c_str(),
         killed, static_cast<unsigned long long>(calls),
         more.empty() ? "" : ", ", more.c_str());
  fflush(stdout);
}

}  // namespace btfd::tests
