// SPDX-License-Identifier: Apache-2.0
#include "lib/manual/man_page.h"

#include <cstddef>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace btfd::manual {

namespace {

// Words are neither broken, since many are typed, nor moved to the margin.
constexpr absl::string_view kLayout = ".nh\n.ad l\n";

// What roff would take for something else.
std::string Escape(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '"':
        out += "\\(dq";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A line that does not begin with a control character.
std::string Line(absl::string_view roff) {
  return absl::StrCat(absl::StartsWith(roff, ".") ? "\\&" : "", roff, "\n");
}

std::string Bold(absl::string_view text) {
  return absl::StrCat("\\fB", Escape(text), "\\fR");
}

// Running text: what stands between backquotes is bold.
std::string Prose(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '`');
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    const bool typed = i % 2 == 1 && i + 1 < parts.size();
    out += typed ? Bold(parts[i]) : Escape(parts[i]);
  }
  return Line(out);
}

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
}

// A piece of a command line: what is in capitals stands for something and is
// italic; the rest is typed and bold; brackets and bars are neither.
std::string CommandWords(absl::string_view text) {
  std::string out;
  size_t i = 0;
  while (i < text.size()) {
    if (absl::StartsWith(text.substr(i), "...") || !IsNameCharacter(text[i])) {
      const size_t length = text[i] == '.' ? 3 : 1;
      out += Escape(text.substr(i, length));
      i += length;
      continue;
    }
    size_t end = i;
    while (end < text.size() && IsNameCharacter(text[end]) &&
           !absl::StartsWith(text.substr(end), "...")) {
      ++end;
    }
    const absl::string_view word = text.substr(i, end - i);
    const bool stands_for = absl::ascii_isupper(word[0]);
    absl::StrAppend(&out, stands_for ? "\\fI" : "\\fB", Escape(word), "\\fR");
    i = end;
  }
  return out;
}

void AppendAsItIs(absl::string_view text, std::string* out) {
  *out += ".PP\n.RS 4\n.nf\n";
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    *out += Line(Escape(line));
  }
  *out += ".fi\n.RE\n";
}

void AppendText(absl::string_view text, std::string* out) {
  for (const Paragraph& paragraph : Paragraphs(text)) {
    switch (paragraph.kind) {
      case Paragraph::Kind::kText:
        absl::StrAppend(out, ".PP\n", Prose(paragraph.text));
        break;
      case Paragraph::Kind::kAsItIs:
        AppendAsItIs(paragraph.text, out);
        break;
      case Paragraph::Kind::kItem:
        absl::StrAppend(out, ".IP ", paragraph.number, " 4\n",
                        Prose(paragraph.text));
        break;
    }
  }
}

void AppendEntry(absl::string_view term, absl::string_view meaning,
                 std::string* out) {
  absl::StrAppend(out, ".TP\n", Line(CommandWords(term)), Prose(meaning));
}

void AppendSynopsis(const Page& page, std::string* out) {
  *out += ".SH SYNOPSIS\n";
  for (const std::string& usage : page.usage) {
    absl::StrAppend(out, ".PP\n", Line(CommandWords(usage)));
  }
}

void AppendExamples(const Page& page, std::string* out) {
  if (!page.examples.empty()) *out += ".SH EXAMPLES\n";
  for (const Example& example : page.examples) {
    absl::StrAppend(out, ".PP\n", Prose(absl::StrCat(example.purpose, ":")),
                    ".PP\n.RS 4\n.nf\n", Line(Bold(example.line)),
                    ".fi\n.RE\n");
  }
}

// "btfd(8)" with a bold name.
std::string Reference(absl::string_view page) {
  const size_t bracket = page.find('(');
  return absl::StrCat(Bold(page.substr(0, bracket)), page.substr(bracket));
}

}  // namespace

std::string ManPage(const Page& page, absl::string_view version) {
  const absl::string_view part = page.number == "1"   ? "User Commands"
                                 : page.number == "5" ? "File Formats"
                                                      : "System Administration";
  std::string out = absl::StrCat(
      ".\\\" SPDX-License-Identifier: Apache-2.0\n.TH ",
      Escape(absl::AsciiStrToUpper(page.file)), " ", page.number, " \"\" ",
      "\"btfd ", version, "\" \"", part, "\"\n", kLayout, ".SH NAME\n",
      Escape(page.file), " \\- ", Escape(page.summary), "\n");
  if (!page.usage.empty()) AppendSynopsis(page, &out);
  out += ".SH DESCRIPTION\n";
  AppendText(page.description, &out);
  if (!page.verbs.empty()) out += ".SH COMMANDS\n";
  for (const Entry& verb : page.verbs) {
    AppendEntry(verb.term, verb.meaning, &out);
  }
  if (!page.options.empty() || page.help_option) out += ".SH OPTIONS\n";
  for (const Option& option : page.options) {
    AppendEntry(OptionTerm(option), option.meaning, &out);
  }
  if (page.help_option) {
    AppendEntry("-h, --help", "print a summary of this page", &out);
  }
  bool in_notes = false;
  for (const Section& section : page.sections) {
    if (!section.title.empty()) {
      absl::StrAppend(&out, ".SH ",
                      Escape(absl::AsciiStrToUpper(section.title)), "\n");
    } else if (!in_notes) {
      out += ".SH NOTES\n";
    }
    in_notes = section.title.empty();
    AppendText(section.text, &out);
    for (const Entry& entry : section.entries) {
      AppendEntry(entry.term, entry.meaning, &out);
    }
  }
  if (!page.exit_status.empty()) {
    absl::StrAppend(&out, ".SH EXIT STATUS\n", Prose(page.exit_status));
  }
  AppendExamples(page, &out);
  if (page.see_also.empty()) return out;
  std::vector<std::string> references;
  for (const std::string& other : page.see_also) {
    references.push_back(Reference(other));
  }
  absl::StrAppend(&out, ".SH SEE ALSO\n", absl::StrJoin(references, ",\n"),
                  "\n");
  return out;
}

}  // namespace btfd::manual
