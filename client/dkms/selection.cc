// SPDX-License-Identifier: Apache-2.0
#include "client/dkms/selection.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace btfd::client {

namespace {

constexpr absl::string_view kAll = "all";
constexpr absl::string_view kNone = "none";

// A part of the text: the value of the last line `dkms =`, without the blanks
// around it.
struct Place {
  bool found = false;
  size_t begin = 0;
  size_t end = 0;
};

Place FindValue(absl::string_view text) {
  Place place;
  size_t line_begin = 0;
  while (line_begin < text.size()) {
    const size_t newline = text.find('\n', line_begin);
    const size_t line_end =
        newline == absl::string_view::npos ? text.size() : newline;
    absl::string_view rest = text.substr(line_begin, line_end - line_begin);
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (absl::ConsumePrefix(&rest, "dkms")) {
      rest = absl::StripLeadingAsciiWhitespace(rest);
      if (absl::ConsumePrefix(&rest, "=")) {
        // An empty value stands behind the blanks of the line.
        rest = rest.substr(0, rest.find('#'));
        rest = absl::StripAsciiWhitespace(rest);
        place.found = true;
        place.begin = rest.data() - text.data();
        place.end = place.begin + rest.size();
      }
    }
    line_begin = line_end + 1;
  }
  return place;
}

}  // namespace

DkmsSelection DkmsSelection::InConfiguration(absl::string_view text) {
  const Place place = FindValue(text);
  return DkmsSelection(
      place.found ? text.substr(place.begin, place.end - place.begin) : kAll);
}

DkmsSelection::DkmsSelection(absl::string_view words)
    : words_(
          absl::StrSplit(words, absl::ByAnyChar(" \t\r"), absl::SkipEmpty())) {}

bool DkmsSelection::Includes(absl::string_view package) const {
  bool included = false;
  for (absl::string_view word : words_) {
    if (word == kAll || word == package) {
      included = true;
    } else if (word == kNone ||
               (absl::ConsumePrefix(&word, "-") && word == package)) {
      included = false;
    }
  }
  return included;
}

bool DkmsSelection::IsNone() const {
  // Words before the last `none` do not count; behind it a package can only be
  // included by `all` or by its name.
  const auto none = std::find(words_.rbegin(), words_.rend(), kNone);
  return std::all_of(words_.rbegin(), none, [](const std::string& word) {
    return absl::StartsWith(word, "-");
  });
}

void DkmsSelection::Remove(absl::string_view word) {
  words_.erase(std::remove(words_.begin(), words_.end(), word), words_.end());
}

void DkmsSelection::Include(absl::string_view package) {
  if (Includes(package)) return;
  Remove(absl::StrCat("-", package));
  if (Includes(package)) return;
  if (words_.size() == 1 && words_[0] == kNone) words_.clear();
  words_.emplace_back(package);
}

void DkmsSelection::Exclude(absl::string_view package) {
  if (!Includes(package)) return;
  Remove(package);
  if (Includes(package)) words_.push_back(absl::StrCat("-", package));
}

std::string DkmsSelection::ToString() const {
  return words_.empty() ? std::string(kNone) : absl::StrJoin(words_, " ");
}

std::string DkmsSelection::PutIntoConfiguration(absl::string_view text) const {
  const Place place = FindValue(text);
  if (!place.found) {
    const bool open_line = !text.empty() && text.back() != '\n';
    return absl::StrCat(text, open_line ? "\n" : "", "dkms = ", ToString(),
                        "\n");
  }
  return absl::StrCat(text.substr(0, place.begin), ToString(),
                      text.substr(place.end));
}

bool IsDkmsPackageName(absl::string_view name) {
  return !name.empty() && name != kAll && name != kNone && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || absl::StrContains("-._+", c);
         });
}

}  // namespace btfd::client
