// SPDX-License-Identifier: Apache-2.0
//
// Parses the options of our own commands: the grammar of getopt_long, --help
// for each command, exit code 2 for a wrong command line. (resolve_btfids has
// the kernel's grammar.) Which options there are, the command's page says; the
// command says where their values go.
#ifndef BTFD_CLIENT_CLI_COMMAND_LINE_H_
#define BTFD_CLIENT_CLI_COMMAND_LINE_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "lib/manual/page.h"

namespace btfd::client {

inline constexpr int kExitFailure = 1;
inline constexpr int kExitWrongCall = 2;

class CommandLine {
 public:
  // The page must outlive this object.
  explicit CommandLine(const manual::Page& page) : page_(page) {}

  // Says where the value of an option of the page goes. Each option needs one
  // call, before Parse(), but for those that are parsed elsewhere. The targets
  // must outlive this object.
  void Flag(absl::string_view name, bool* target);
  void Value(absl::string_view name, std::string* target);
  // An option that may be given several times. Each value is appended.
  void List(absl::string_view name, std::vector<std::string>* target);
  // The same for an option that belongs to the argument before it: each value
  // comes with the number of arguments that are no options before it.
  using PlacedValues = std::vector<std::pair<size_t, std::string>>;
  void PlacedList(absl::string_view name, PlacedValues* target);

  // Returns nothing if the command shall run; `rest` has the arguments that are
  // no options. Otherwise returns the exit code, and has printed everything.
  std::optional<int> Parse(const std::vector<std::string>& arguments,
                           std::vector<std::string>* rest);

  // Reports another error in the command line, and returns the exit code.
  int WrongCall(absl::string_view complaint) const;

 private:
  struct Target {
    bool* flag = nullptr;  // exactly one of the four is set
    std::string* value = nullptr;
    std::vector<std::string>* list = nullptr;
    PlacedValues* placed = nullptr;
  };

  // The defect that the page and the calls above do not have the same options;
  // empty: they have.
  std::string Defect() const;
  void Store(const Target& target, const char* text, size_t arguments);

  const manual::Page& page_;
  std::map<std::string, Target, std::less<>> targets_;
};

// Prints "btfc: MESSAGE" on stderr.
void SayError(absl::string_view message);
// Prints the line on stderr, with nothing before it.
void SayLine(absl::string_view line);

}  // namespace btfd::client

#endif  // BTFD_CLIENT_CLI_COMMAND_LINE_H_
