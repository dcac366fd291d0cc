// SPDX-License-Identifier: Apache-2.0
//
// The peer: upstream's own resolve_btfids, with which the tests compare. Runs
// one release's tool over a module and collects all that it leaves.
#ifndef BTFD_TESTS_SUPPORT_PEER_H_
#define BTFD_TESTS_SUPPORT_PEER_H_

#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace btfd::tests {

// What a run of resolve_btfids leaves: the files beside the module (unset if it
// wrote none), its stderr, and its exit code.
struct ResolveResult {
  int exit_code = -1;
  std::string err;
  std::optional<std::string> btf;
  std::optional<std::string> btf_base;
  std::optional<std::string> btf_ids;
};

// Runs `tool arguments... ELF` on a copy of `elf` in a scratch directory. So
// the files beside the module are written there, and the original does not
// change. The lines on stderr contain the path of the tool or the copy, which a
// comparison should ignore.
ResolveResult RunResolveBtfids(const std::vector<std::string>& tool,
                               const std::vector<std::string>& arguments,
                               const std::string& elf,
                               const ProcessOptions& options = {});

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_PEER_H_
