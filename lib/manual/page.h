// SPDX-License-Identifier: Apache-2.0
//
// What a program or a command says of itself, written once: --help
// (help_text.h), the manual page (man_page.h), the completions of shells
// (completion.h) and the command line's parser are made of it.
//
// A text is paragraphs with an empty line between them; where its lines end
// does not matter. A paragraph that begins with two blanks is shown as it is.
// One that begins with "1. " is an item of a list. `Words` between backquotes
// are what a user types.
#ifndef BTFD_LIB_MANUAL_PAGE_H_
#define BTFD_LIB_MANUAL_PAGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace btfd::manual {

struct Option {
  std::string name;     // without the dashes
  char short_name = 0;  // 0: none
  // What its value is called; empty: it has none. The name says what a shell
  // can complete (ArgumentKind).
  std::string argument;
  std::string meaning;
  std::vector<std::string> choices = {};  // the values that it can have
  bool optional_argument = false;         // --name[=ARGUMENT]
  // Not by CommandLine, but before it.
  bool parsed_elsewhere = false;
};

// A term and what it means: a command's verb, a setting, a file.
struct Entry {
  std::string term;
  std::string meaning;
};

// What stands behind the options. Without a title it is more of the
// description.
struct Section {
  std::string title;
  std::string text;
  std::vector<Entry> entries = {};
};

// The exit code of an example that ends with 0 or 1, as the machine is.
inline constexpr int kDepends = -1;

// A line for a shell, which the tests run, and what it is for.
struct Example {
  std::string purpose;
  std::string line;
  int exit_code = 0;
};

struct Page {
  std::string program;  // as it is called: "btfc finalize"
  std::string file;     // of the manual page, without the section; or empty
  std::string number = "1";
  std::string summary;             // a line without a full stop
  std::vector<std::string> usage;  // whole lines
  std::string description;
  std::vector<Entry> verbs = {};  // "add FILE"
  std::vector<Option> options = {};
  bool help_option = true;  // it has -h and --help
  // What follows the options; names as in ArgumentKind().
  std::string arguments = "FILE";
  std::vector<Section> sections = {};
  std::string exit_status;
  std::vector<Example> examples = {};
  std::vector<std::string> see_also = {};  // "btfd(8)"
};

// What a shell offers for an argument of that name.
enum class ArgumentKind { kNothing, kFile, kDirectory };
ArgumentKind KindOfArgument(absl::string_view name);

// The option as a user types it: "-j, --jobs N", "--explain[=FILE]".
std::string OptionTerm(const Option& option);

struct Paragraph {
  enum class Kind { kText, kAsItIs, kItem };
  Kind kind;
  // Words with one blank between them; of kAsItIs, lines without what all of
  // them begin with; of kItem, without its number.
  std::string text;
  std::string number;  // of kItem: "1."
};
std::vector<Paragraph> Paragraphs(absl::string_view text);

}  // namespace btfd::manual

#endif  // BTFD_LIB_MANUAL_PAGE_H_
