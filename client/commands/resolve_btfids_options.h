// SPDX-License-Identifier: Apache-2.0
//
// The command line of resolve_btfids, in the grammar of the kernel's own option
// parser (tools/lib/subcmd): what that one takes or refuses, this one takes or
// refuses, too.
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
  // 0: run. Else end with this code after printing `out` to stdout and `err`
  // to stderr.
  int exit_code = 0;
  std::string out;
  std::string err;
};

// `arguments` come without the program's name. `release` is the kernel's whose
// tool is stood in for, 612 for 6.12: what that one does not know yet is
// refused. Without it all options are known.
ParsedResolveBtfids ParseResolveBtfids(
    const std::vector<std::string>& arguments, std::optional<int> release);

// What -h and a wrong call print.
std::string ResolveBtfidsUsage();

}  // namespace btfd::client

#endif  // BTFD_CLIENT_COMMANDS_RESOLVE_BTFIDS_OPTIONS_H_
