// SPDX-License-Identifier: Apache-2.0
//
// Parses the options of our own commands: the grammar of getopt_long, --help
// for each command, exit code 2 for a wrong command line. (resolve_btfids has
// the kernel's grammar.)
#ifndef BTFD_CLIENT_CLI_COMMAND_LINE_H_
#define BTFD_CLIENT_CLI_COMMAND_LINE_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace btfd::client {

inline constexpr int kExitFailure = 1;
inline constexpr int kExitWrongCall = 2;

class CommandLine {
 public:
  // `name` is "btfc COMMAND"; `help` is the whole text for --help.
  CommandLine(std::string name, std::string help)
      : name_(std::move(name)), help_(std::move(help)) {}

  // Declare the options before Parse(). The targets must outlive this object. A
  // short name of 0 means that there is none; `name` must then not be empty.
  void Flag(absl::string_view name, char short_name, bool* target);
  void Value(absl::string_view name, char short_name, std::string* target);
  // An option that may be given several times. Each value is appended.
  void List(absl::string_view name, char short_name,
            std::vector<std::string>* target);
  // The same for an option that belongs to the argument before it: each value
  // comes with the number of arguments that are no options before it.
  using PlacedValues = std::vector<std::pair<size_t, std::string>>;
  void PlacedList(absl::string_view name, char short_name,
                  PlacedValues* target);

  // Returns nothing if the command shall run; `rest` has the arguments that are
  // no options. Otherwise returns the exit code, and has printed everything.
  std::optional<int> Parse(const std::vector<std::string>& arguments,
                           std::vector<std::string>* rest);

  // Reports another error in the command line, and returns the exit code.
  int WrongCall(absl::string_view complaint) const;

 private:
  struct Option {
    std::string name;
    char short_name;
    bool* flag;  // exactly one of the four is set
    std::string* value;
    std::vector<std::string>* list;
    PlacedValues* placed;
  };

  std::string name_;
  std::string help_;
  std::vector<Option> options_;
};

// Prints "btfc: MESSAGE" on stderr.
void SayError(absl::string_view message);
// Prints the line on stderr, with nothing before it.
void SayLine(absl::string_view line);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_COMMAND_LINE_H_
