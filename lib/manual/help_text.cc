// SPDX-License-Identifier: Apache-2.0
#include "lib/manual/help_text.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace btfd::manual {

namespace {

constexpr size_t kWidth = 79;
// Meanings begin in this column at the latest.
constexpr size_t kLatestColumn = 24;

std::string Blanks(size_t count) { return std::string(count, ' '); }

// Appends words; the first stands at column `at`. Further lines begin at
// `indent`.
void AppendWrapped(absl::string_view text, size_t at, size_t indent,
                   std::string* out) {
  bool first = true;
  for (const absl::string_view word :
       absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!first && at + 1 + word.size() > kWidth) {
      absl::StrAppend(out, "\n", Blanks(indent), word);
      at = indent + word.size();
    } else {
      absl::StrAppend(out, first ? "" : " ", word);
      at += word.size() + (first ? 0 : 1);
    }
    first = false;
  }
  *out += "\n";
}

void AppendText(absl::string_view text, std::string* out) {
  bool in_list = false;
  for (const Paragraph& paragraph : Paragraphs(text)) {
    const bool item = paragraph.kind == Paragraph::Kind::kItem;
    if (!item || !in_list) *out += "\n";
    in_list = item;
    switch (paragraph.kind) {
      case Paragraph::Kind::kText:
        AppendWrapped(paragraph.text, 0, 0, out);
        break;
      case Paragraph::Kind::kAsItIs:
        for (const absl::string_view line :
             absl::StrSplit(paragraph.text, '\n')) {
          absl::StrAppend(out, "  ", line, "\n");
        }
        break;
      case Paragraph::Kind::kItem:
        absl::StrAppend(out, paragraph.number, " ");
        AppendWrapped(paragraph.text, 3, 3, out);
        break;
    }
  }
}

void AppendEntries(const std::vector<Entry>& entries, std::string* out) {
  size_t longest = 0;
  for (const Entry& entry : entries) {
    if (entry.term.size() + 4 <= kLatestColumn) {
      longest = std::max(longest, entry.term.size());
    }
  }
  const size_t column = longest == 0 ? kLatestColumn : longest + 4;
  for (const Entry& entry : entries) {
    absl::StrAppend(out, "  ", entry.term);
    const size_t end = 2 + entry.term.size();
    if (end + 2 > column) {
      absl::StrAppend(out, "\n", Blanks(column));
    } else {
      *out += Blanks(column - end);
    }
    AppendWrapped(entry.meaning, column, column, out);
  }
}

std::vector<Entry> VerbsAndOptions(const Page& page) {
  std::vector<Entry> entries = page.verbs;
  for (const Option& option : page.options) {
    entries.push_back({OptionTerm(option), option.meaning});
  }
  if (page.help_option) entries.push_back({"-h, --help", "this text"});
  return entries;
}

}  // namespace

std::string HelpText(const Page& page) {
  std::string out;
  for (size_t i = 0; i < page.usage.size(); ++i) {
    out += i == 0 ? "usage: " : "       ";
    AppendWrapped(page.usage[i], 7, 7 + page.program.size() + 1, &out);
  }
  AppendText(page.description, &out);
  const std::vector<Entry> entries = VerbsAndOptions(page);
  if (!entries.empty()) out += "\n";
  AppendEntries(entries, &out);
  for (const Section& section : page.sections) {
    if (!section.title.empty()) absl::StrAppend(&out, "\n", section.title, ":");
    AppendText(section.text, &out);
    if (!section.entries.empty()) out += "\n";
    AppendEntries(section.entries, &out);
  }
  if (!page.examples.empty()) out += "\nExamples:\n";
  for (const Example& example : page.examples) {
    absl::StrAppend(&out, "  ", example.line, "\n");
  }
  if (!page.exit_status.empty()) {
    out += "\nExit status: ";
    AppendWrapped(page.exit_status, 13, 0, &out);
  }
  return out;
}

}  // namespace btfd::manual
