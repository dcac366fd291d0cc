// SPDX-License-Identifier: Apache-2.0
#include "client/cli/command_line.h"

#include <getopt.h>
#include <stdio.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace btfd::client {

namespace {
// The first of the values that getopt_long returns for long options; above any
// character.
constexpr int kFirstLong = 256;
constexpr int kHelp = 'h';
constexpr int kNoOption = 1;
}  // namespace

void CommandLine::Flag(absl::string_view name, char short_name, bool* target) {
  options_.push_back(
      {std::string(name), short_name, target, nullptr, nullptr, nullptr});
}

void CommandLine::Value(absl::string_view name, char short_name,
                        std::string* target) {
  options_.push_back(
      {std::string(name), short_name, nullptr, target, nullptr, nullptr});
}

void CommandLine::List(absl::string_view name, char short_name,
                       std::vector<std::string>* target) {
  options_.push_back(
      {std::string(name), short_name, nullptr, nullptr, target, nullptr});
}

void CommandLine::PlacedList(absl::string_view name, char short_name,
                             PlacedValues* target) {
  options_.push_back(
      {std::string(name), short_name, nullptr, nullptr, nullptr, target});
}

std::optional<int> CommandLine::Parse(const std::vector<std::string>& arguments,
                                      std::vector<std::string>* rest) {
  // "-": what is no option comes in its place, as if it were one.
  std::string short_names = "-h";
  std::vector<option> long_names;
  for (size_t i = 0; i < options_.size(); ++i) {
    const Option& o = options_[i];
    const int argument = o.flag == nullptr ? required_argument : no_argument;
    if (o.short_name != 0) {
      short_names += o.short_name;
      if (o.flag == nullptr) short_names += ':';
    }
    if (!o.name.empty()) {
      long_names.push_back({o.name.c_str(), argument, nullptr,
                            kFirstLong + static_cast<int>(i)});
    }
  }
  long_names.push_back({"help", no_argument, nullptr, kHelp});
  long_names.push_back({nullptr, 0, nullptr, 0});

  std::vector<char*> argv = {const_cast<char*>(name_.c_str())};
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
      fputs(help_.c_str(), stdout);
      return 0;
    }
    if (found == '?') return kExitWrongCall;  // it has printed why
    if (found == kNoOption) {
      rest->push_back(optarg);
      continue;
    }
    for (size_t i = 0; i < options_.size(); ++i) {
      const Option& o = options_[i];
      if (found != kFirstLong + static_cast<int>(i) &&
          (o.short_name == 0 || found != o.short_name)) {
        continue;
      }
      if (o.flag != nullptr) {
        *o.flag = true;
      } else if (o.list != nullptr) {
        o.list->push_back(optarg);
      } else if (o.placed != nullptr) {
        o.placed->emplace_back(rest->size(), optarg);
      } else {
        *o.value = optarg;
      }
    }
  }
  rest->insert(rest->end(), argv.begin() + optind, argv.begin() + argc);
  return std::nullopt;
}

int CommandLine::WrongCall(absl::string_view complaint) const {
  SayLine(absl::StrCat(name_, ": ", complaint, "; see ", name_, " --help"));
  return kExitWrongCall;
}

void SayLine(absl::string_view line) {
  fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

void SayError(absl::string_view message) {
  SayLine(absl::StrCat("btfc: ", message));
}

}  // namespace btfd::client
