// SPDX-License-Identifier: Apache-2.0
#include "lib/manual/page.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace btfd::manual {

namespace {

std::string OneLine(absl::string_view text) {
  return absl::StrJoin(
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty()), " ");
}

bool BeginsItem(absl::string_view line) {
  return line.size() > 3 && absl::ascii_isdigit(line[0]) && line[1] == '.' &&
         line[2] == ' ';
}

Paragraph AsItIs(const std::vector<absl::string_view>& lines) {
  std::vector<absl::string_view> shown;
  for (const absl::string_view line : lines) {
    shown.push_back(absl::StripPrefix(line, "  "));
  }
  return {Paragraph::Kind::kAsItIs, absl::StrJoin(shown, "\n"), ""};
}

}  // namespace

ArgumentKind KindOfArgument(absl::string_view name) {
  for (const absl::string_view file :
       {"FILE", "LIST", "BASE", "KERNEL", "MODULE", "M.ko", "ELF"}) {
    if (name == file) return ArgumentKind::kFile;
  }
  return name == "DIR" ? ArgumentKind::kDirectory : ArgumentKind::kNothing;
}

std::string OptionTerm(const Option& option) {
  std::string term;
  if (option.short_name != 0) {
    term = absl::StrCat("-", std::string(1, option.short_name));
    if (!option.name.empty()) term += ", ";
  }
  if (!option.name.empty()) absl::StrAppend(&term, "--", option.name);
  if (option.argument.empty()) return term;
  if (option.optional_argument) {
    return absl::StrCat(term, "[=", option.argument, "]");
  }
  return absl::StrCat(term, " ", option.argument);
}

std::vector<Paragraph> Paragraphs(absl::string_view text) {
  std::vector<Paragraph> paragraphs;
  std::vector<absl::string_view> lines;
  const auto finish = [&] {
    if (lines.empty()) return;
    if (absl::StartsWith(lines[0], "  ")) {
      paragraphs.push_back(AsItIs(lines));
    } else if (BeginsItem(lines[0])) {
      paragraphs.push_back({Paragraph::Kind::kItem,
                            OneLine(absl::StrJoin(lines, "\n").substr(3)),
                            std::string(lines[0].substr(0, 2))});
    } else {
      paragraphs.push_back(
          {Paragraph::Kind::kText, OneLine(absl::StrJoin(lines, "\n")), ""});
    }
    lines.clear();
  };
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.empty() || BeginsItem(line)) finish();
    if (!line.empty()) lines.push_back(line);
  }
  finish();
  return paragraphs;
}

}  // namespace btfd::manual
