// SPDX-License-Identifier: Apache-2.0
#include "client/cli/command_line.h"

#include <getopt.h>
#include <stdio.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/manual/help_text.h"

namespace btfd::client {

namespace {
// The first of the values that getopt_long returns for long options; above any
// character.
constexpr int kFirstLong = 256;
constexpr int kHelp = 'h';
constexpr int kNoOption = 1;
}  // namespace

void CommandLine::Flag(absl::string_view name, bool* target) {
  targets_[std::string(name)].flag = target;
}

void CommandLine::Value(absl::string_view name, std::string* target) {
  targets_[std::string(name)].value = target;
}

void CommandLine::List(absl::string_view name,
                       std::vector<std::string>* target) {
  targets_[std::string(name)].list = target;
}

void CommandLine::PlacedList(absl::string_view name, PlacedValues* target) {
  targets_[std::string(name)].placed = target;
}

std::string CommandLine::Defect() const {
  size_t matched = 0;
  for (const manual::Option& option : page_.options) {
    if (option.parsed_elsewhere) continue;
    const auto found = targets_.find(option.name);
    if (found == targets_.end() ||
        (found->second.flag != nullptr) != option.argument.empty()) {
      return absl::StrCat("a defect of btfc: nothing takes --", option.name);
    }
    ++matched;
  }
  if (matched == targets_.size()) return "";
  return "a defect of btfc: an option is not in its page";
}

void CommandLine::Store(const Target& target, const char* text,
                        size_t arguments) {
  if (target.flag != nullptr) {
    *target.flag = true;
  } else if (target.list != nullptr) {
    target.list->push_back(text);
  } else if (target.placed != nullptr) {
    target.placed->emplace_back(arguments, text);
  } else {
    *target.value = text;
  }
}

std::optional<int> CommandLine::Parse(const std::vector<std::string>& arguments,
                                      std::vector<std::string>* rest) {
  const std::string defect = Defect();
  if (!defect.empty()) {
    SayLine(absl::StrCat(page_.program, ": ", defect));
    return kExitWrongCall;
  }
  // "-": what is no option comes in its place, as if it were one.
  std::string short_names = "-h";
  std::vector<option> long_names;
  std::vector<const manual::Option*> options;
  for (const manual::Option& o : page_.options) {
    if (o.parsed_elsewhere) continue;
    const bool valued = !o.argument.empty();
    if (o.short_name != 0) {
      short_names += o.short_name;
      if (valued) short_names += ':';
    }
    long_names.push_back({o.name.c_str(),
                          valued ? required_argument : no_argument, nullptr,
                          kFirstLong + static_cast<int>(options.size())});
    options.push_back(&o);
  }
  long_names.push_back({"help", no_argument, nullptr, kHelp});
  long_names.push_back({nullptr, 0, nullptr, 0});

  std::vector<char*> argv = {const_cast<char*>(page_.program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const int argc = static_cast<int>(argv.size()) - 1;
  rest->clear();
  optind = 0;  // starts getopt_long anew
  int found;
  while ((found = getopt_long(argc, argv.data(), short_names.c_str(),
                              long_names.data(), nullptr)) != -1) {
    if (found == kHelp) {
      fputs(manual::HelpText(page_).c_str(), stdout);
      return 0;
    }
    if (found == '?') return kExitWrongCall;  // it has printed why
    if (found == kNoOption) {
      rest->push_back(optarg);
      continue;
    }
    for (size_t i = 0; i < options.size(); ++i) {
      if (found == kFirstLong + static_cast<int>(i) ||
          (options[i]->short_name != 0 && found == options[i]->short_name)) {
        Store(targets_[options[i]->name], optarg, rest->size());
      }
    }
  }
  rest->insert(rest->end(), argv.begin() + optind, argv.begin() + argc);
  return std::nullopt;
}

int CommandLine::WrongCall(absl::string_view complaint) const {
  const std::string& name = page_.program;
  SayLine(absl::StrCat(name, ": ", complaint, "; see ", name, " --help"));
  return kExitWrongCall;
}

void SayLine(absl::string_view line) {
  fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

void SayError(absl::string_view message) {
  SayLine(absl::StrCat("btfc: ", message));
}

}  // namespace btfd::client
