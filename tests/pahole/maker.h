// SPDX-License-Identifier: Apache-2.0
//
// Makes cases: compiles and links sources, and keeps what the real paholes make
// of each object.
#ifndef BTFD_TESTS_PAHOLE_MAKER_H_
#define BTFD_TESTS_PAHOLE_MAKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/pahole/builds.h"
#include "tests/pahole/cases.h"

namespace btfd::tests {

// What each version, with the options it usually gets, makes of these sources
// as AllBuilds()[0] builds them. `peers` is tools/testdata's folder. Errors
// carry the compiler's words.
absl::StatusOr<Bases> MakeBases(const std::vector<std::string>& sources,
                                const std::string& peers);

// One object, and what the real paholes make of it.
absl::StatusOr<Built> MakeBuilt(const Build& build, Runs runs,
                                const std::vector<std::string>& sources,
                                const std::vector<std::string>& flags,
                                const Bases& bases, const std::string& peers);

// Random programs come in groups that share a base.
constexpr uint64_t kGroupSize = 8;
// The programs of one group, each built in one way that its seed chooses.
absl::StatusOr<CaseGroup> MakeRandomGroup(uint64_t group,
                                          const std::string& peers);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_PAHOLE_MAKER_H_
