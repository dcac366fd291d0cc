// SPDX-License-Identifier: Apache-2.0
//
// Requests of many kinds with their right answers, which the engine gave in
// this process, one after the other.
#ifndef BTFD_TESTS_LOAD_WORKLOAD_H_
#define BTFD_TESTS_LOAD_WORKLOAD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/util/digest.h"
#include "proto/btfd.pb.h"

namespace btfd::tests {

struct Case {
  std::string name;  // for messages: base, module, profile
  std::string path;  // of the module; empty: made here
  v1::FinalizeRequest request;
  util::Digest expected;  // SignatureOf the right answer
};

struct Workload {
  std::vector<std::string> bases;  // raw BTF
  std::vector<Case> cases;         // all of them are OK
};

// Of all bytes and warnings of an answer.
util::Digest SignatureOf(const v1::FinalizeResponse& response);

// One small made base and `cases` modules over it.
Workload SmallWorkload(int cases);

// A base that no workload is over.
std::string SpareBase();

// 6.12 and 7.2 with `modules` each, the former in the other byte order as well,
// and a small one; modules of all sizes up to `max_bytes` of BTF, in the
// profiles of 6.x, 7.0, 7.2 and 7.3.
absl::StatusOr<Workload> MixedWorkload(size_t modules, size_t max_bytes);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_LOAD_WORKLOAD_H_
