// SPDX-License-Identifier: Apache-2.0
//
// Parses the command line of resolve_btfids by the grammar of the kernel's own
// parser (tools/lib/subcmd). It accepts and refuses the same command lines.
#ifndef BTFD_CLIENT_COMMANDS_RESOLVE_BTFIDS_OPTIONS_H_
#define BTFD_CLIENT_COMMANDS_RESOLVE_BTFIDS_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace btfd::client {

// Exit codes that kbuild may see.
inline constexpr int kExitFailed = 255;
inline constexpr int kExitUsage = 129;
inline constexpr int kExitListed = 130;

struct ResolveBtfidsOptions {
  int verbose = 0;
  std::optional<std::string> btf;
  std::optional<std::string> btf_base;
  bool fatal_warnings = false;
  bool distill_base = false;
  std::optional<std::string> patch_btfids;
  std::string elf;
};

struct ParsedResolveBtfids {
  ResolveBtfidsOptions options;
  int exit_code = 0;
  std::string out;
  std::string err;
};

// `arguments` are without the program's name. `release` is the kernel release
// whose tool is imitated, for example 612 for 6.12. Options that this tool does
// not have yet are refused. Without a release, all options are known.
ParsedResolveBtfids ParseResolveBtfids(
    const std::vector<std::string>& arguments, std::optional<int> release);

// The text that -h and a wrong command line print.
std::string ResolveBtfidsUsage();

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_RESOLVE_BTFIDS_OPTIONS_H_
// run. Else print `out` to stdout and `err` to stderr, and exit with this code.
