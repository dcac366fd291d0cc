// SPDX-License-Identifier: Apache-2.0
//
// What store_worker puts. The test uses it to know which values are right.
#ifndef BTFD_TESTS_FAULTS_STORE_WORKER_H_
#define BTFD_TESTS_FAULTS_STORE_WORKER_H_

#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "lib/util/digest.h"

namespace btfd::tests {

inline constexpr int kWorkerResults = 32;
inline constexpr uint64_t kWorkerResultBytes = 150000;

inline util::Digest NumberedKey(int n) {
  return util::Digest::Of(absl::StrCat("key ", n));
}

inline std::string BytesOf(const std::string& what, size_t size) {
  std::mt19937 random(std::hash<std::string>()(what));
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

inline std::string BaseOf(int n) {
  return BytesOf(absl::StrCat("base ", n), 80000 + n);
}
inline std::string IndexOf(int n) {
  return BytesOf(absl::StrCat("index ", n), 40000 + n);
}
inline std::string ResultOf(int n) {
  return BytesOf(absl::StrCat("result ", n), 3000 + 500 * (n % 7));
}
inline std::string RequestOf(int n) {
  return BytesOf(absl::StrCat("request ", n), 5000 + n);
}

}  // namespace btfd::tests

#endif  // BTFD_TESTS_FAULTS_STORE_WORKER_H_
