// SPDX-License-Identifier: Apache-2.0
//
// Reads the arguments up to the first one that is no option; this must be the
// last argument. A long option may be abbreviated if that is unambiguous, and
// negated by `no-`. The value of a short option may follow its letter.
// getopt_long cannot be used, because it has other rules: it permutes
// arguments, knows no negation, and accepts an abbreviation that may mean an
// option or its own negation.
#include "client/commands/resolve_btfids_options.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/manual/pages.h"
#include "lib/manual/help_text.h"
#include "lib/util/version.h"

namespace btfd::client {

namespace {

struct OptionSpec {
  char short_name;  // 0: none
  absl::string_view long_name;
  bool takes_value;
  int since;  // the first release that has it, 612 for 6.12; 0: all of them
};

constexpr OptionSpec kVerbose = {'v', "verbose", false, 0};
constexpr OptionSpec kBtf = {0, "btf", true, 0};
constexpr OptionSpec kBtfBase = {'b', "btf_base", true, 0};
constexpr OptionSpec kFatalWarnings = {0, "fatal_warnings", false, 614};
constexpr OptionSpec kDistillBase = {0, "distill_base", false, 700};
constexpr OptionSpec kPatchBtfids = {0, "patch_btfids", true, 700};

constexpr const OptionSpec* kOptions[] = {
    &kVerbose, &kBtf, &kBtfBase, &kFatalWarnings, &kDistillBase, &kPatchBtfids};

class Parser {
 public:
  Parser(const std::vector<std::string>& arguments, std::optional<int> release)
      : arguments_(arguments), release_(release) {}

  ParsedResolveBtfids Parse() &&;

 private:
  bool Knows(const OptionSpec& option) const {
    return !release_.has_value() || *release_ >= option.since;
  }
  // Both return false when parsing ends; result_ then says how.
  bool ParseShort(absl::string_view letters);
  bool ParseLong(absl::string_view text);
  // `inline_value` is the text behind `=` or behind the letter.
  bool Apply(const OptionSpec& option, bool negated,
             std::optional<absl::string_view> inline_value);
  bool Usage(absl::string_view complaint);

  const std::vector<std::string>& arguments_;
  const std::optional<int> release_;
  size_t next_ = 0;
  ParsedResolveBtfids result_;
};

bool Parser::Usage(absl::string_view complaint) {
  result_.exit_code = kExitUsage;
  if (!complaint.empty()) {
    result_.err = absl::StrCat("resolve_btfids: ", complaint, "\n");
  }
  absl::StrAppend(&result_.err, ResolveBtfidsUsage());
  return false;
}

bool Parser::Apply(const OptionSpec& option, bool negated,
                   std::optional<absl::string_view> inline_value) {
  if (inline_value.has_value() && (negated || !option.takes_value)) {
    return Usage(
        absl::StrCat("option --", option.long_name, " takes no value"));
  }
  std::optional<std::string> value;
  if (option.takes_value && !negated) {
    if (inline_value.has_value()) {
      value = std::string(*inline_value);
    } else if (next_ < arguments_.size()) {
      value = arguments_[next_++];
    } else {
      return Usage(
          absl::StrCat("option --", option.long_name, " needs a value"));
    }
  }
  ResolveBtfidsOptions& options = result_.options;
  if (&option == &kVerbose) {
    options.verbose = negated ? 0 : options.verbose + 1;
  } else if (&option == &kBtf) {
    options.btf = std::move(value);
  } else if (&option == &kBtfBase) {
    options.btf_base = std::move(value);
  } else if (&option == &kFatalWarnings) {
    options.fatal_warnings = !negated;
  } else if (&option == &kDistillBase) {
    options.distill_base = !negated;
  } else {
    options.patch_btfids = std::move(value);
  }
  return true;
}

bool Parser::ParseShort(absl::string_view letters) {
  while (!letters.empty()) {
    const OptionSpec* found = nullptr;
    for (const OptionSpec* option : kOptions) {
      if (option->short_name == letters[0]) found = option;
    }
    if (found == nullptr) {
      return Usage(letters[0] == 'h' ? ""
                                     : absl::StrCat("unknown option -",
                                                    letters.substr(0, 1)));
    }
    letters.remove_prefix(1);
    if (!found->takes_value) {
      if (!Apply(*found, /*negated=*/false, std::nullopt)) return false;
      continue;
    }
    std::optional<absl::string_view> value;
    if (!letters.empty()) value = letters;
    return Apply(*found, /*negated=*/false, value);
  }
  return true;
}

bool Parser::ParseLong(absl::string_view text) {
  if (text == "help" || text == "help-all") return Usage("");
  if (text == "list-opts" || text == "list-cmds") {
    result_.exit_code = kExitListed;
    for (const OptionSpec* option : kOptions) {
      if (text == "list-cmds") break;
      if (!Knows(*option)) continue;
      absl::StrAppend(&result_.out, "--", option->long_name, " ");
    }
    result_.out += "\n";
    return false;
  }

  // The kernel's tool refuses it, and callers may test for that.
  if (text == "version") {
    result_.exit_code = kExitUsage;
    result_.out = absl::StrCat("resolve_btfids of btfd ", util::kVersion, "\n");
    return false;
  }

  const size_t equals = text.find('=');
  const absl::string_view name = text.substr(0, equals);
  std::optional<absl::string_view> value;
  if (equals != absl::string_view::npos) value = text.substr(equals + 1);

  const OptionSpec* candidate = nullptr;
  bool candidate_negated = false;
  int candidates = 0;
  for (const OptionSpec* option : kOptions) {
    if (!Knows(*option)) continue;
    absl::string_view positive = name;
    const bool has_no = absl::ConsumePrefix(&positive, "no-");
    if (name == option->long_name) return Apply(*option, false, value);
    if (has_no && positive == option->long_name) {
      return Apply(*option, true, value);
    }
    // Only the plain form of an abbreviated option may have a value.
    if (absl::StartsWith(option->long_name, name)) {
      candidate = option;
      candidate_negated = false;
      ++candidates;
    } else if (!value.has_value() &&
               (absl::StartsWith("no-", name) ||
                (has_no && absl::StartsWith(option->long_name, positive)))) {
      candidate = option;
      candidate_negated = true;
      ++candidates;
    }
  }
  if (candidates == 1) return Apply(*candidate, candidate_negated, value);
  return Usage(absl::StrCat(candidates == 0 ? "unknown" : "ambiguous",
                            " option --", name));
}

ParsedResolveBtfids Parser::Parse() && {
  while (next_ < arguments_.size()) {
    const absl::string_view argument = arguments_[next_];
    if (argument.size() < 2 || argument[0] != '-') break;
    ++next_;
    if (argument == "--") break;
    const bool go_on = argument[1] == '-' ? ParseLong(argument.substr(2))
                                          : ParseShort(argument.substr(1));
    if (!go_on) return std::move(result_);
  }
  if (arguments_.size() - next_ != 1) {
    Usage("exactly one ELF file is needed, behind all options");
  } else {
    result_.options.elf = arguments_[next_];
  }
  return std::move(result_);
}

}  // namespace

ParsedResolveBtfids ParseResolveBtfids(
    const std::vector<std::string>& arguments, std::optional<int> release) {
  return Parser(arguments, release).Parse();
}

std::string ResolveBtfidsUsage() {
  return manual::HelpText(ResolveBtfidsPage());
}

}  // namespace btfd::client
