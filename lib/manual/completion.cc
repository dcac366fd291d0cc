// SPDX-License-Identifier: Apache-2.0
#include "lib/manual/completion.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace btfd::manual {

namespace {

constexpr absl::string_view kHeader =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "#\n"
    "# Made from what the commands say of themselves; not to be edited.\n";

std::string CommandName(const std::string& program, const Page& page) {
  return std::string(
      absl::StripPrefix(page.program, absl::StrCat(program, " ")));
}

// A verb is the first word of its term; the second one is its argument.
std::string Verb(const Entry& verb) {
  return verb.term.substr(0, verb.term.find(' '));
}

ArgumentKind KindOfVerb(const Entry& verb) {
  const size_t blank = verb.term.find(' ');
  if (blank == std::string::npos) return ArgumentKind::kNothing;
  return KindOfArgument(
      absl::StripSuffix(absl::string_view(verb.term).substr(blank + 1), "..."));
}

// All ways to type it.
std::vector<std::string> Spellings(const Option& option) {
  std::vector<std::string> spellings;
  if (option.short_name != 0) {
    spellings.push_back(std::string("-") + option.short_name);
  }
  if (!option.name.empty()) spellings.push_back("--" + option.name);
  return spellings;
}

// The options with the help that each page has.
std::vector<Option> OptionsOf(const Page& page) {
  std::vector<Option> options = page.options;
  if (page.help_option) options.push_back({"help", 'h', "", "help"});
  return options;
}

// The beginning of a meaning, for a list.
std::string Brief(absl::string_view meaning) {
  size_t end = std::min(meaning.find_first_of(";:,."), meaning.find(" ("));
  // "6.x" and ".BTF.base" do not end a sentence.
  while (end != absl::string_view::npos && meaning[end] == '.' &&
         end + 1 < meaning.size() && meaning[end + 1] != ' ') {
    end = std::min(meaning.find_first_of(";:,.", end + 1),
                   meaning.find(" (", end + 1));
  }
  return absl::StrReplaceAll(meaning.substr(0, end), {{"`", ""}});
}

// In single quotes, as POSIX shells read it.
std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}
// The same for fish.
std::string FishQuoted(absl::string_view text) {
  return absl::StrCat(
      "'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}
// In a specification for zsh's _arguments and _describe.
std::string ZshEscaped(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"\\", "\\\\"}, {":", "\\:"}, {"[", "\\["}, {"]", "\\]"}});
}

std::vector<std::string> VerbNames(const Page& page) {
  std::vector<std::string> names;
  for (const Entry& verb : page.verbs) names.push_back(Verb(verb));
  return names;
}

// bash: what completes a value of that kind.
absl::string_view BashAction(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::kFile:
      return "files";
    case ArgumentKind::kDirectory:
      return "directories";
    case ArgumentKind::kNothing:
      break;
  }
  return "nothing";
}

// bash: the values of options, by "COMMAND OPTION".
std::string BashValues(const std::string& command, const Page& page) {
  std::string out;
  for (const Option& option : page.options) {
    // One with an optional argument has it behind "=" only.
    if (option.argument.empty()) continue;
    std::vector<std::string> patterns;
    for (const std::string& spelling : Spellings(option)) {
      const std::string typed = absl::StrCat(command, " ", spelling);
      if (!option.optional_argument) patterns.push_back(Quoted(typed));
      if (spelling.size() > 2) patterns.push_back(Quoted(typed + "="));
    }
    absl::StrAppend(&out, "    ", absl::StrJoin(patterns, " | "), ")\n      ");
    if (option.choices.empty()) {
      absl::StrAppend(&out, "_btfc_",
                      BashAction(KindOfArgument(option.argument)), "\n");
    } else {
      absl::StrAppend(&out, "_btfc_words ",
                      Quoted(absl::StrJoin(option.choices, " ")), "\n");
    }
    out += "      return\n      ;;\n";
  }
  return out;
}

std::string BashArguments(const std::string& command, const Page& page) {
  std::vector<std::string> options;
  for (const Option& option : OptionsOf(page)) {
    for (std::string& spelling : Spellings(option)) {
      options.push_back(std::move(spelling));
    }
  }
  std::string out = absl::StrCat("    ", command, ")\n      options=",
                                 Quoted(absl::StrJoin(options, " ")), "\n");
  if (page.verbs.empty()) {
    absl::StrAppend(&out, "      arguments=",
                    BashAction(KindOfArgument(page.arguments)), "\n");
  } else {
    absl::StrAppend(&out,
                    "      verbs=", Quoted(absl::StrJoin(VerbNames(page), " ")),
                    "\n      case ${COMP_WORDS[2]} in\n");
    for (const Entry& verb : page.verbs) {
      absl::StrAppend(&out, "        ", Verb(verb),
                      ") arguments=", BashAction(KindOfVerb(verb)), " ;;\n");
    }
    out += "      esac\n";
  }
  return out + "      ;;\n";
}

constexpr absl::string_view kBashFunctions = R"(
_btfc_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}
_btfc_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
_btfc_directories() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}
_btfc_nothing() {
  COMPREPLY=()
}
)";

// bash makes three words of `--name=value`.
constexpr absl::string_view kBashBegin = R"(
_btfc() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]} options='' verbs='' arguments=files equal=''
  COMPREPLY=()
  if [[ $cur == = ]]; then
    cur='' equal='='
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]} equal='='
  fi
)";

constexpr absl::string_view kBashEnd = R"(
  if [[ $cur == -* ]]; then
    _btfc_words "$options"
  elif [[ -n $verbs ]] && ((COMP_CWORD == 2)); then
    _btfc_words "$verbs"
  else
    "_btfc_$arguments"
  fi
}
)";

// zsh: the action behind the second colon.
std::string ZshAction(const std::string& argument,
                      const std::vector<std::string>& choices) {
  if (!choices.empty()) {
    return absl::StrCat("(", absl::StrJoin(choices, " "), ")");
  }
  switch (KindOfArgument(argument)) {
    case ArgumentKind::kFile:
      return "_files";
    case ArgumentKind::kDirectory:
      return "_files -/";
    case ArgumentKind::kNothing:
      break;
  }
  return " ";
}

std::string ZshOption(const Option& option) {
  std::string value;
  if (!option.argument.empty()) {
    value = absl::StrCat(option.optional_argument ? "::" : ":", option.argument,
                         ":", ZshAction(option.argument, option.choices));
  }
  std::string out;
  for (const std::string& spelling : Spellings(option)) {
    const bool is_long = spelling.size() > 2;
    // "=-": the value is in the same word.
    const absl::string_view joint = option.argument.empty() || !is_long ? ""
                                    : option.optional_argument          ? "=-"
                                                                        : "=";
    absl::StrAppend(
        &out, " \\\n        ",
        Quoted(absl::StrCat("*", spelling, joint, "[",
                            ZshEscaped(Brief(option.meaning)), "]", value)));
  }
  return out;
}

std::string ZshCommand(const std::string& command, const Page& page) {
  std::string out = absl::StrCat("    ", command, ")\n      _arguments");
  for (const Option& option : OptionsOf(page)) out += ZshOption(option);
  std::string rest = page.arguments;
  if (!page.verbs.empty()) {
    absl::StrAppend(&out, " \\\n        ",
                    Quoted(absl::StrCat(
                        "1:verb:(", absl::StrJoin(VerbNames(page), " "), ")")));
  }
  if (KindOfArgument(rest) != ArgumentKind::kNothing) {
    absl::StrAppend(&out, " \\\n        ",
                    Quoted(absl::StrCat("*:", rest, ":", ZshAction(rest, {}))));
  }
  return out + "\n      ;;\n";
}

std::string FishOption(const std::string& begin, const Option& option) {
  std::string out = begin;
  if (option.short_name != 0) {
    absl::StrAppend(&out, " -s ", std::string(1, option.short_name));
  }
  if (!option.name.empty()) absl::StrAppend(&out, " -l ", option.name);
  if (!option.choices.empty()) {
    absl::StrAppend(&out, " -x -a ",
                    FishQuoted(absl::StrJoin(option.choices, " ")));
  } else if (!option.argument.empty() && !option.optional_argument) {
    switch (KindOfArgument(option.argument)) {
      case ArgumentKind::kFile:
        out += " -r -F";
        break;
      case ArgumentKind::kDirectory:
        out += " -x -a '(__fish_complete_directories)'";
        break;
      case ArgumentKind::kNothing:
        out += " -x";
        break;
    }
  }
  return absl::StrCat(out, " -d ", FishQuoted(Brief(option.meaning)), "\n");
}

std::string FishCommand(const std::string& program, const std::string& command,
                        const Page& page) {
  const std::string begin = absl::StrCat("complete -c ", program, " -n ");
  const std::string here =
      absl::StrCat(begin, FishQuoted("__btfc_command_is " + command));
  std::string out;
  for (const Entry& verb : page.verbs) {
    absl::StrAppend(&out, begin, FishQuoted("__btfc_verb_of " + command),
                    " -a ", Verb(verb), " -d ", FishQuoted(Brief(verb.meaning)),
                    "\n");
    if (KindOfVerb(verb) == ArgumentKind::kFile) {
      absl::StrAppend(&out, begin,
                      FishQuoted(absl::StrCat("__btfc_command_is ", command,
                                              " ", Verb(verb))),
                      " -F\n");
    }
  }
  if (page.verbs.empty() &&
      KindOfArgument(page.arguments) == ArgumentKind::kFile) {
    absl::StrAppend(&out, here, " -F\n");
  }
  for (const Option& option : OptionsOf(page)) out += FishOption(here, option);
  return out;
}

constexpr absl::string_view kFishFunctions = R"(
# The command is the first word, whatever stands behind it; a verb the second.
function __btfc_command_is
    set -l words (commandline -opc)
    test (count $words) -gt (count $argv); or return 1
    test "$words[2]" = $argv[1]; or return 1
    test (count $argv) -lt 2; or test "$words[3]" = $argv[2]
end
function __btfc_verb_of
    set -l words (commandline -opc)
    test (count $words) -eq 2; and test $words[2] = $argv[1]
end
function __btfc_no_command
    test (count (commandline -opc)) -eq 1
end
)";

std::vector<std::string> CommandNames(const std::string& program,
                                      const std::vector<const Page*>& pages) {
  std::vector<std::string> names;
  for (const Page* page : pages) names.push_back(CommandName(program, *page));
  return names;
}

}  // namespace

std::string BashCompletion(const std::string& program,
                           const std::vector<const Page*>& pages) {
  std::string out = absl::StrCat(
      kHeader, kBashFunctions, kBashBegin,
      "  if ((COMP_CWORD == 1)); then\n    _btfc_words ",
      Quoted(absl::StrCat(absl::StrJoin(CommandNames(program, pages), " "),
                          " --help --version")),
      "\n    return\n  fi\n\n  case \"$command $prev$equal\" in\n");
  for (const Page* page : pages) {
    out += BashValues(CommandName(program, *page), *page);
  }
  out += "  esac\n\n  case $command in\n";
  for (const Page* page : pages) {
    out += BashArguments(CommandName(program, *page), *page);
  }
  absl::StrAppend(&out, "    *) arguments=nothing ;;\n  esac\n", kBashEnd,
                  "complete -F _btfc ", program, "\n");
  return out;
}

std::string ZshCompletion(const std::string& program,
                          const std::vector<const Page*>& pages) {
  std::string out = absl::StrCat(
      "#compdef ", program, "\n", kHeader, "\n_", program,
      "() {\n  local curcontext=$curcontext state line\n"
      "  typeset -A opt_args\n  _arguments -C \\\n"
      "    '(- *)--help[say what there is]' \\\n"
      "    '(- *)--version[say which this is]' \\\n"
      "    '1:command:->command' '*::argument:->argument'\n"
      "  if [[ $state == command ]]; then\n    local -a commands=(\n");
  for (const Page* page : pages) {
    absl::StrAppend(&out, "      ",
                    Quoted(absl::StrCat(CommandName(program, *page), ":",
                                        ZshEscaped(page->summary))),
                    "\n");
  }
  absl::StrAppend(&out, "    )\n    _describe -t commands command commands\n",
                  "    return\n  fi\n  [[ $state == argument ]] || return\n",
                  "  case $words[1] in\n");
  for (const Page* page : pages) {
    out += ZshCommand(CommandName(program, *page), *page);
  }
  return absl::StrCat(out, "  esac\n}\n\n_", program, " \"$@\"\n");
}

std::string FishCompletion(const std::string& program,
                           const std::vector<const Page*>& pages) {
  std::string out =
      absl::StrCat(kHeader, kFishFunctions, "\ncomplete -c ", program, " -f\n",
                   "complete -c ", program,
                   " -n __btfc_no_command -l version -d 'say which this is'\n",
                   "complete -c ", program,
                   " -n __btfc_no_command -l help -d 'say what there is'\n");
  for (const Page* page : pages) {
    absl::StrAppend(&out, "complete -c ", program, " -n __btfc_no_command -a ",
                    CommandName(program, *page), " -d ",
                    FishQuoted(page->summary), "\n");
  }
  for (const Page* page : pages) {
    out += FishCommand(program, CommandName(program, *page), *page);
  }
  return out;
}

}  // namespace btfd::manual
