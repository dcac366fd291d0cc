// SPDX-License-Identifier: Apache-2.0
#include "client/kernel/rooted_path.h"

#include <limits.h>
#include <unistd.h>

#include <deque>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace btfd::client {

namespace {

// As the kernel has it.
constexpr int kMaxLinks = 40;

std::deque<std::string> PartsOf(absl::string_view path) {
  const std::vector<std::string> parts =
      absl::StrSplit(path, '/', absl::SkipEmpty());
  return {parts.begin(), parts.end()};
}

}  // namespace

std::string RootedPath(const std::string& root, absl::string_view path) {
  if (root.empty()) return std::string(path);
  std::vector<std::string> walked;
  const auto here = [&] {
    return walked.empty() ? root
                          : absl::StrCat(root, "/", absl::StrJoin(walked, "/"));
  };
  std::deque<std::string> ahead = PartsOf(path);
  for (int links = 0; !ahead.empty();) {
    const std::string part = ahead.front();
    ahead.pop_front();
    if (part == ".") continue;
    if (part == "..") {
      if (!walked.empty()) walked.pop_back();
      continue;
    }
    walked.push_back(part);
    char target[PATH_MAX];
    const ssize_t length = readlink(here().c_str(), target, sizeof(target));
    if (length <= 0 || ++links > kMaxLinks) continue;
    const absl::string_view text(target, static_cast<size_t>(length));
    if (text[0] == '/') {
      walked.clear();
    } else {
      walked.pop_back();
    }
    const std::deque<std::string> behind = PartsOf(text);
    ahead.insert(ahead.begin(), behind.begin(), behind.end());
  }
  return here();
}

}  // namespace btfd::client
