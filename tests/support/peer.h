// SPDX-License-Identifier: Apache-2.0
//
// Upstream's own resolve_btfids as the judge: runs one release's tool over a
// module and collects all that it left behind.
#ifndef BTFD_TESTS_SUPPORT_PEER_H_
#define BTFD_TESTS_SUPPORT_PEER_H_

#include <optional>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace btfd::tests {

// What a resolve_btfids run leaves: the side files (unset where it wrote none),
// what it said and how it ended.
struct ResolveResult {
  int exit_code = -1;
  std::string err;
  std::optional<std::string> btf;
  std::optional<std::string> btf_base;
  std::optional<std::string> btf_ids;
};

// Runs `tool arguments... ELF` on `elf` through a link in a scratch directory
// of its own, so that the side files land there and the original stays. The
// tool's name and path on stderr do not matter; its lines do.
ResolveResult RunResolveBtfids(const std::vector<std::string>& tool,
                               const std::vector<std::string>& arguments,
                               const std::string& elf,
                               const ProcessOptions& options = {});

}  // namespace btfd::tests

#endif  // BTFD_TESTS_SUPPORT_PEER_H_
