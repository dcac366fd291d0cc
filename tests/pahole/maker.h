// SPDX-License-Identifier: Apache-2.0
//
// Makes cases: compiles and links sources, and keeps what the real paholes
// encode of each object.
#ifndef BTFD_TESTS_PAHOLE_MAKER_H_
#define BTFD_TESTS_PAHOLE_MAKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/pahole/builds.h"
#include "tests/pahole/cases.h"

namespace btfd::tests {

// Returns what each version, with the options that kernels usually give it,
// encodes of these sources when AllBuilds()[0] builds them. `peers` is the
// folder of tools/testdata. Errors have the compiler's messages.
absl::StatusOr<Bases> MakeBases(const std::vector<std::string>& sources,
                                const std::string& peers);

// One object, and what the real paholes encode of it.
absl::StatusOr<Built> MakeBuilt(const Build& build, Runs runs,
                                const std::vector<std::string>& sources,
                                const std::vector<std::string>& flags,
                                const Bases& bases, const std::string& peers);

// Random programs are made in groups that share a base.
constexpr uint64_t kGroupSize = 8;
// The programs of one group. Each is built in one way, which its seed chooses.
absl::StatusOr<CaseGroup> MakeRandomGroup(uint64_t group,
                                          const std::string& peers);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_MAKER_H_
