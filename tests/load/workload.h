// SPDX-License-Identifier: Apache-2.0
//
// Requests of many kinds with their right answers. The engine computed these in
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
  std::string path;  // of the module; empty if there is no file
  v1::FinalizeRequest request;
  util::Digest expected;  // SignatureOf() the right answer
};

struct Workload {
  std::vector<std::string> bases;  // raw BTF
  std::vector<Case> cases;         // the answer of each is OK
};

// A digest of all bytes and warnings of an answer.
util::Digest SignatureOf(const v1::FinalizeResponse& response);

// A small base that is made here, and `cases` modules over it.
Workload SmallWorkload(int cases);

// A base that no workload uses.
std::string SpareBase();

// 6.12 and 7.2 with `modules` modules each, 6.12 also in the other byte order,
// and a small base. The modules have all sizes up to `max_bytes` of BTF; the
// profiles are 6.x, 7.0, 7.2 and 7.3.
absl::StatusOr<Workload> MixedWorkload(size_t modules, size_t max_bytes);

}  // namespace btfd::tests

#endif  // BTFD_TESTS_LOAD_WORKLOAD_H_
