// SPDX-License-Identifier: Apache-2.0
//
// Options of our own commands: getopt_long's grammar, --help everywhere, exit
// code 2 for a wrong call. (resolve_btfids has the kernel's grammar instead.)
#ifndef BTFD_CLIENT_CLI_COMMAND_LINE_H_
#define BTFD_CLIENT_CLI_COMMAND_LINE_H_

#include <functional>
#include <optional>
#include <string>
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

  // Declare before Parse; the targets must outlive it. A short name of 0 means
  // there is none; then `name` may not be empty.
  void Flag(absl::string_view name, char short_name, bool* target);
  void Value(absl::string_view name, char short_name, std::string* target);
  // A value that may be given several times; appends each.
  void List(absl::string_view name, char short_name,
            std::vector<std::string>* target);

  // Nothing: go on, with `rest` being the arguments that are no options. Else
  // what to end with; all is said then.
  std::optional<int> Parse(const std::vector<std::string>& arguments,
                           std::vector<std::string>* rest);

  // Complains about a call that is wrong in another way; what to end with.
  int WrongCall(absl::string_view complaint) const;

 private:
  struct Option {
    std::string name;
    char short_name;
    bool* flag;  // one of the three
    std::string* value;
    std::vector<std::string>* list;
  };

  std::string name_;
  std::string help_;
  std::vector<Option> options_;
};

// "btfc: MESSAGE" on stderr.
void SayError(absl::string_view message);
// A line on stderr as it is.
void SayLine(absl::string_view line);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_COMMAND_LINE_H_
